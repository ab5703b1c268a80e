import { LitElement, html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { live } from 'lit/directives/live.js'
import { count, say } from '../shared/words.ts'
import type { CustomerSchemas } from '../shared/contract.ts'
import { size } from '../shared/format.ts'
import { money } from '../shared/money.ts'
import { priceOf, printedPages, type Offer, type PrintOptions } from '../shared/printing.ts'
import { Drops } from './drops.ts'
import { icon } from './icon.ts'
import { body, createItem, examine, isSame, isWanted, joinCard, originalOf, pagesOf, picture, toggleSize, turn, type Excess, type Item } from './item.ts'
import { Memory, forgetOld, type Job } from './memory.ts'
import { offered, summary } from './options.ts'
import { wake } from './pause.ts'
import { progressPanel } from './progress.ts'
import { isEmpty, row, type Rows } from './row.ts'
import { Refused, Sending, call, isOver, loadTus, notOffered, statusOf } from './sending.ts'
import { findShared, forgetShared } from './shared-files.ts'
import { readShop, readShopAgain, type Shop } from './shop.ts'

/**
 * Sends files: it takes the place of the server's form, with what was already filled in, and does the same and more. In the page's own tree,
 * so that the page's styles hold.
 */
class Send extends LitElement implements Rows {
  shop!: Shop
  private memory!: Memory
  private job: Job = { sessionId: null, customerName: '', sending: false, turn: 0, items: [] }
  private sending: Sending | null = null
  /** While this page sends, or wants to. */
  private stopping: AbortController | null = null
  /** While this tab waits for another one, which sends the list. */
  private isWaitingForTab = false
  private error: string | null = null
  /** Whether the last call had no answer. */
  private isCut = false
  private news = ''
  private saving: ReturnType<typeof setTimeout> | null = null
  private examining = Promise.resolve()

  constructor() {
    super()
    new Drops(this, (files) => this.add(files))
  }

  protected override createRenderRoot() {
    this.shop = readShop()
    this.memory = new Memory(this.shop.prefix, this.shop.sessionId)
    const chosen = [...(this.querySelector<HTMLInputElement>('input[type=file]')?.files ?? [])]
    this.job.customerName = this.querySelector<HTMLInputElement>('input[name=customerName]')?.value ?? ''
    this.job.sessionId = this.shop.sessionId
    this.error = this.querySelector('[role=alert]')?.textContent ?? null
    this.replaceChildren()
    void this.restore(chosen)
    return this
  }

  override connectedCallback() {
    super.connectedCallback()
    addEventListener('online', this.networked)
    addEventListener('offline', this.networked)
  }

  override disconnectedCallback() {
    super.disconnectedCallback()
    removeEventListener('online', this.networked)
    removeEventListener('offline', this.networked)
  }

  private async restore(chosen: File[]) {
    await forgetOld()
    const job = await this.memory.load()
    if (job) {
      // How far that tab is will be known when it ends: what is read now is older.
      if (job.sending && (await this.isSentElsewhere())) job.turn--
      // What has been chosen meanwhile comes behind it, and may have been saved already.
      const saved = job.items.filter(({ id }) => !this.items.some((item) => item.id === id))
      this.job = { ...job, customerName: this.job.customerName || job.customerName, items: [...saved, ...this.items] }
      for (const item of saved) void this.enqueue(() => this.recall(item))
      // What has arrived is on this list, and in what the session holds.
      const { held, sessionId } = this.shop
      for (const item of saved) if (sessionId && item.state === 'done') Object.assign(held, { files: held.files - 1, size: held.size - item.size })
      this.requestUpdate()
    }
    const shared = await findShared(this.shop.prefix).catch(() => new Map<File, string>())
    // Only then it is known which rows are without their file.
    await this.examining
    for (const [file, address] of shared) {
      // On the list already, if that was saved without its file.
      const item = this.items.find(({ copy }) => copy === address)
      if (!item) continue
      shared.delete(file)
      if (item.state === 'lost') this.found(item, file)
    }
    this.add([...chosen, ...shared.keys()], shared)
    await this.examining
    if (job?.sending && this.items.every((item) => item.state !== 'lost')) await this.send()
  }

  /** @param copy What this tab has of it: the browser keeps no large files. */
  private async recall(item: Item, copy?: Blob | null) {
    item.whole = (await this.memory.read(item)) ?? (copy?.size === item.size ? copy : null)
    if (item.state !== 'done') item.state = item.whole ? 'ready' : 'lost'
    this.requestUpdate()
    await picture(item)
  }

  get items() {
    return this.job.items
  }

  /** @param copies Where copies of them wait until they are kept here. */
  private add(files: File[], copies?: ReadonlyMap<File, string>) {
    if (files.length === 0) return
    void loadTus()
    this.error = null
    for (const file of files) {
      // One that the browser had lost, chosen again. Cameras call every photo the same.
      const named = this.items.filter((item) => item.state === 'lost' && item.name === file.name)
      const lost = named.find((item) => isSame(item, file)) ?? named[0]
      if (lost) this.found(lost, file, copies?.get(file))
      else this.begin(file, copies?.get(file))
    }
    // Before any of them is examined, which takes a while: after a reload the list says at least which ones to choose again.
    this.save()
    this.tell(count('customer.added', files.length))
  }

  private begin(file: File, copy: string | null = null) {
    const item = createItem(file, this.shop.printOptions, copy)
    this.items.push(item)
    this.admit(item)
  }

  private admit(item: Item) {
    const others = this.items.filter((one) => one !== item && isWanted(one))
    if (this.shop.held.files + others.length >= this.shop.limits.files) return this.exceed(item, 'many', this.shop.limits.files)
    Object.assign(item, { state: 'examining', excess: null, error: null })
    void this.enqueue(() => this.look(item))
  }

  private exceed(item: Item, excess: Excess, limit: number | string) {
    Object.assign(item, { state: 'refused', excess, error: say(`customer.refused.${excess}`, { limit }) })
  }

  /** There is more room: for what was too much before. */
  private admitAgain() {
    for (const item of this.items) if (item.excess) this.admit(item)
  }

  private async look(item: Item) {
    if (item.type === '') await examine(item, this.shop)
    else item.state = 'ready'
    // In the list's order: what is still to be looked at has no claim yet.
    const others = this.items.filter((one) => one !== item && isWanted(one) && one.state !== 'examining')
    const total = others.reduce((sum, one) => sum + one.size, this.shop.held.size + item.size)
    if (item.state !== 'ready') this.admitAgain()
    else if (total > this.shop.limits.sessionSize) this.exceed(item, 'together', size(this.shop.limits.sessionSize))
    if (item.state === 'refused') this.tell(`${item.name}: ${item.error}`)
    this.requestUpdate()
    if (!item.picture) await picture(item)
    await this.keep(item)
    // What comes while files are sent is sent with them.
    if (item.state === 'ready' && this.isSending) item.state = 'waiting'
  }

  private found(item: Item, file: File, copy = item.copy) {
    const { size: before } = item
    const isKnown = isSame(item, file)
    Object.assign(item, { whole: file, state: 'examining', original: originalOf(file), copy })
    void this.enqueue(async () => {
      await examine(item, this.shop)
      // It was edited, or the phone hands out another version: what was sent would be the head of another file.
      if (!isKnown || item.size !== before) this.beginAnew(item)
      await picture(item)
      await this.keep(item)
      if (item.state === 'ready' && this.isSending) item.state = 'waiting'
      if (this.job.sending && this.items.every((one) => one.state !== 'lost')) void this.send()
    })
  }

  /** One file after the other: looking at many large ones at once would be too much for a phone. */
  private enqueue(work: () => Promise<unknown>): Promise<void> {
    this.examining = this.examining.then(work).catch(() => {}).then(() => this.requestUpdate())
    return this.examining
  }

  /** The row before its file: a file of no row would stay for ever. */
  private async keep(item: Item) {
    await this.memory.save(this.job)
    const blob = body(item)
    const isKept = blob !== null && isWanted(item) && this.items.includes(item) && (await this.memory.keep(item, blob))
    // What is one too many now has no other copy. What the customer has changed is not that file any more.
    if (isKept || item.original === null || (!isWanted(item) && !item.excess)) await this.forgetCopy(item)
  }

  private async forgetCopy(item: Item) {
    const { copy } = item
    item.copy = null
    if (copy) await forgetShared(copy).catch(() => {})
  }

  private save() {
    if (this.saving !== null) return
    this.saving = setTimeout(() => {
      this.saving = null
      void this.memory.save(this.job)
    }, 100)
  }

  private get lockName() {
    return `cloudtab ${this.shop.prefix}#${this.shop.sessionId ?? ''}`
  }

  private get isSending() {
    return this.stopping !== null
  }

  /** Whether a tab, which is another one unless this one sends, sends this list now. */
  private async isSentElsewhere(): Promise<boolean> {
    const locks = 'locks' in navigator ? await navigator.locks.query() : null
    return locks?.held?.some((lock) => lock.name === this.lockName) ?? false
  }

  get isFixed() {
    return this.isSending || this.isWaitingForTab
  }

  private take(item: Item) {
    this.items.splice(this.items.indexOf(item), 1)
    if (item.picture) URL.revokeObjectURL(item.picture)
    this.beginAnew(item)
    void this.memory.forgetFile(item)
    void this.forgetCopy(item)
    this.admitAgain()
    this.save()
  }

  drop(item: Item) {
    const index = this.items.indexOf(item)
    this.take(item)
    this.tell(say('customer.removed', { name: item.name }))
    void this.updateComplete.then(() => {
      const rows = this.querySelectorAll<HTMLElement>('.file .remove')
      ;(rows[Math.min(index, rows.length - 1)] ?? this.querySelector<HTMLElement>('input[type=file]'))?.focus()
    })
  }

  /** What was sent of it is of no use any more: an upload goes on with the content and the options that it began with. */
  private beginAnew(item: Item) {
    if (item.uploadUrl) void this.terminate(item.uploadUrl).catch(() => {})
    Object.assign(item, { uploadUrl: null, sent: 0 })
  }

  /** An upload that nobody goes on with would count towards the session's limits. One that another tab sends is that tab's. */
  private async terminate(uploadUrl: string) {
    if (!this.isSending && (await this.isSentElsewhere())) return
    await fetch(uploadUrl, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0' } })
  }

  setOptions(item: Item, options: PrintOptions) {
    item.options = options
    this.beginAnew(item)
    this.requestUpdate()
    this.save()
  }

  setForAll(item: Item) {
    for (const other of this.items) {
      if (other.state === 'done') continue
      other.options = offered({ ...item.options, pageRanges: other === item ? item.options.pageRanges : null }, this.shop.offer)
      this.beginAnew(other)
    }
    this.tell(say('customer.sameForAll.done'))
    this.save()
  }

  /** In one tab at a time: another one that has the same list would send all of it once more. Browsers lock over HTTPS only. */
  private async send() {
    await this.examining
    if (this.isFixed) return
    const wrong = this.querySelector<HTMLInputElement>('.settings :invalid')
    if (wrong) {
      wrong.closest('details')!.open = true
      wrong.reportValidity()
      return
    }
    this.stopping = new AbortController()
    const { signal } = this.stopping
    this.error = null
    this.requestUpdate()
    void this.updateComplete.then(() => this.showProgress())
    try {
      if (!('locks' in navigator)) return await this.sendAlone(signal)
      await navigator.locks.request(this.lockName, { ifAvailable: true }, async (lock) => {
        if (lock) return this.sendAlone(signal)
        void this.waitForTab()
      })
    } finally {
      this.stopping = null
      for (const item of this.items) if (item.state === 'waiting') item.state = 'ready'
      this.requestUpdate()
      if (this.querySelector('.upload')?.contains(document.activeElement)) void this.updateComplete.then(() => this.leaveProgress())
    }
  }

  /** Until the other tab has sent the list, or stops, or is closed: then what is left of the list goes on here. */
  private async waitForTab() {
    this.isWaitingForTab = true
    this.error = say('customer.otherTab')
    await navigator.locks.request(this.lockName, async () => {
      await this.examining
      await this.readAgain(this.job.turn)
    })
    this.isWaitingForTab = false
    this.error = null
    this.requestUpdate()
    await this.examining
    if (this.job.sending && this.items.every((item) => item.state !== 'lost')) await this.send()
  }

  /**
   * What another tab has sent since this one has read the list is not sent once more, and not from its beginning.
   * @param turn What this tab knows of the list, if anything.
   */
  private async readAgain(turn?: number) {
    const saved = await this.memory.load(turn)
    if (!saved) return
    const before = this.items
    const own = before.filter((item) => !this.memory.has(item))
    this.job = { ...saved, customerName: this.job.customerName || saved.customerName, items: [...saved.items, ...own] }
    for (const item of before) if (item.picture && !own.includes(item)) URL.revokeObjectURL(item.picture)
    for (const item of saved.items) void this.enqueue(() => this.recall(item, before.find((one) => one.id === item.id)?.whole))
    this.admitAgain()
  }

  /** The panel is gone, and the focus was in it. */
  private leaveProgress() {
    const button = this.querySelector<HTMLButtonElement>('form [type=submit]:not(:disabled)')
    ;(button ?? this.querySelector<HTMLElement>('input[type=file]'))?.focus()
  }

  /** The button that was pressed is gone, and the panel is above a long list. */
  private showProgress() {
    const panel = this.querySelector<HTMLElement>('.upload')
    panel?.scrollIntoView({ block: 'start' })
    panel?.focus({ preventScroll: true })
  }

  private async sendAlone(signal: AbortSignal) {
    try {
      await this.readAgain(this.job.turn)
      await this.examining
      signal.throwIfAborted()
      if (!this.items.some(isWanted) || this.items.some((item) => item.state === 'lost')) return
      if (await this.takeOffer(signal)) {
        this.job.sending = false
        return
      }
      signal.throwIfAborted()
      this.job.sending = true
      this.job.offer = this.shop.offer
      this.job.turn++
      await this.memory.save(this.job)
      const sessionId = (this.job.sessionId ??= await this.open(signal))
      await this.memory.save(this.job)
      signal.throwIfAborted()
      this.sending = new Sending(this.shop, sessionId, () => this.items, this.memory, this.progressed)
      for (const item of this.items) if (item.state === 'ready' || item.state === 'failed') Object.assign(item, { state: 'waiting', error: null })
      this.requestUpdate()
      do {
        await this.sending.run()
        await this.examining
      } while (this.isWaiting || ((await this.submit(sessionId, signal)) && this.isWaiting))
      if (this.job.sending) await this.finish(sessionId)
    } catch (failure) {
      if (!signal.aborted) await this.failed(failure, signal)
    } finally {
      this.sending = null
      await this.memory.save(this.job)
    }
  }

  private async open(signal: AbortSignal): Promise<string> {
    const { customerName } = this.job
    const answer = await call<CustomerSchemas['SessionAnswer']>('POST', `${this.shop.prefix}/api/customer/sessions/create`, customerName.trim() === '' ? {} : { customerName: customerName.trim() }, signal, this.heard)
    return answer.sessionId
  }

  private get isWaiting() {
    return this.job.sending && this.items.some((item) => item.state === 'waiting')
  }

  /** @returns Whether the shop has been told: only if all has arrived. */
  private async submit(sessionId: string, signal: AbortSignal): Promise<boolean> {
    const wanted = this.items.filter(isWanted)
    if (!this.job.sending || wanted.length === 0 || !wanted.every((item) => item.state === 'done')) {
      this.job.sending = false
      if (wanted.some((item) => item.state === 'failed')) this.tell(say('customer.someFailed'))
      return false
    }
    // Before it is: its answer may be lost, and the shop prints.
    this.job.submitted = true
    await this.memory.save(this.job)
    await call('POST', `${this.shop.prefix}/api/customer/sessions/${sessionId}/submit`, undefined, signal, this.heard)
    await this.examining
    return true
  }

  private async finish(sessionId: string) {
    this.tell(say('customer.arrived'))
    await this.updateComplete
    // Whatever is saved from here on is the next list.
    if (this.saving !== null) clearTimeout(this.saving)
    this.saving = null
    await Promise.all(this.items.filter(isWanted).map((item) => this.forgetCopy(item)))
    this.job = { sessionId: null, customerName: '', sending: false, turn: this.job.turn, items: [] }
    await this.memory.clear()
    location.assign(`${this.shop.prefix}/sessions/${sessionId}`)
    // The next page takes its time: nothing here may be pressed meanwhile.
    await new Promise((resolve) => addEventListener('pageshow', resolve, { once: true }))
  }

  private async failed(failure: unknown, signal: AbortSignal): Promise<void> {
    this.sending?.stop()
    this.job.sending = false
    this.error = failure instanceof Refused ? failure.message : say('common.error.internal_error')
    if (!(failure instanceof Refused)) return
    if (failure.code === notOffered) await this.takeOffer(signal)
    else if (isOver(failure.code)) await this.leaveSession(signal)
  }

  /**
   * What the shop offers now, and of it what is nearest to what was chosen.
   * @returns Whether the customer has to look at something before it is sent: at options, or at a price that is another one.
   */
  private async takeOffer(signal: AbortSignal): Promise<boolean> {
    const fresh = await readShopAgain(this.shop, signal, this.heard)
    if (!fresh) return false
    const { offer, printOptions } = fresh
    const shown = (this.job.sending && this.job.offer) || this.shop.offer
    Object.assign(this.shop, { offer, printOptions })
    let change: string | null = null
    for (const item of this.items) {
      if (item.state === 'done' || !isWanted(item)) continue
      const nearest = offered(item.options, offer)
      if (costOf(item, offer) !== costOf(item, shown)) change ??= 'customer.pricesChanged'
      if (summary(nearest) === summary(item.options)) continue
      change = 'customer.offerChanged'
      this.setOptions(item, nearest)
      if (item.state === 'failed') Object.assign(item, { state: 'ready', error: null })
    }
    if (change) this.error = say(change)
    return change !== null
  }

  /** The session has ended, and takes no file any more. If the shop has finished it, what had arrived is on paper: only the rest can be sent anew. */
  private async leaveSession(signal: AbortSignal) {
    const { sessionId } = this.job
    const ended = sessionId && (await statusOf(this.shop.prefix, sessionId, signal, this.heard))
    if (signal.aborted) return
    if (ended === 'completed') {
      for (const item of this.items.filter(({ state }) => state === 'done')) this.take(item)
      this.error = say('customer.finishedMeanwhile')
    }
    const isAdded = this.shop.sessionId !== null
    if (isAdded) Object.assign(this.shop, { sessionId: null, held: { files: 0, size: 0 } })
    this.startOver()
    if (isAdded) {
      // From now on, also after a reload, behind what the form's list has: that may have a session of its own, which the shop may know of.
      await this.memory.leaveSession()
      await this.readAgain()
      this.job.sending = false
      history.replaceState(null, '', `${this.shop.prefix}/`)
    }
    this.admitAgain()
  }

  /** What had arrived is deleted. What the browser still has can be sent anew. */
  private startOver() {
    this.job.sessionId = this.shop.sessionId
    this.job.submitted = false
    for (const item of this.items) {
      Object.assign(item, { uploadUrl: null, sent: 0 })
      if (!['refused', 'examining', 'failed'].includes(item.state)) item.state = body(item) ? 'ready' : 'lost'
    }
  }

  private async cancel() {
    this.job.sending = false
    this.stopping?.abort()
    this.sending?.stop()
    const { sessionId, submitted } = this.job
    // What the shop knows of it may be printing.
    if (!sessionId || this.shop.sessionId || submitted) return
    this.startOver()
    await call('DELETE', `${this.shop.prefix}/api/customer/sessions/${sessionId}`).catch(() => {})
  }

  private readonly progressed = () => {
    this.requestUpdate()
    this.save()
  }

  private tell(news: string) {
    this.news = news
    this.requestUpdate()
  }

  private readonly networked = () => {
    if (navigator.onLine) wake()
    this.requestUpdate()
  }

  private readonly heard = (isAnswered: boolean) => {
    this.isCut = !isAnswered
    this.requestUpdate()
  }

  private readonly picked = (event: Event) => {
    const input = event.target as HTMLInputElement
    this.add([...(input.files ?? [])])
    input.value = ''
  }

  protected override render() {
    const lost = this.items.filter((item) => item.state === 'lost').length
    return html`
      ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}
      ${lost > 0 ? html`<p class="notice" role="status">${count('customer.lost', lost)}</p>` : nothing}
      ${this.isSending ? this.sendingPanel() : this.chooser()}
      <p class="visually-hidden" role="status">${this.news}</p>
      ${this.items.length > 0
        ? html`<h2 class="visually-hidden">${say('customer.files')}</h2>
            <ul class="files">${repeat(this.items, (item) => item.id, (item) => row(this, item))}</ul>`
        : nothing}
      ${this.isSending || this.items.length === 0 ? nothing : this.footer()}
    `
  }

  private chooser(): TemplateResult {
    const isFirst = this.items.length === 0
    return html`
      <div class="chooser ${isFirst ? 'first' : ''}">
        <label class="button ${isFirst ? 'primary' : ''}">
          ${icon('M12 16V4m-5 5 5-5 5 5M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3')} ${say(isFirst ? 'customer.choose' : 'customer.more')}
          <input class="visually-hidden" type="file" multiple accept=${accepted(this.shop)} aria-describedby="limits" @change=${this.picked}>
        </label>
        <label class="button camera">
          ${icon('M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7')} ${say('customer.camera')}
          <input class="visually-hidden" type="file" accept="image/*" capture="environment" @change=${this.picked}>
        </label>
        <p class="hint drop">${say('customer.drop')}</p>
        <p class="hint" id="limits">${isFirst ? say('customer.limits', { files: this.shop.limits.files, size: size(this.shop.limits.fileSize) }) : nothing}</p>
      </div>`
  }

  /** Both sides of a card on one page. It can be undone by choosing them again. */
  join(front: Item, back: Item, button: HTMLElement) {
    const summary = button.closest('details')!.querySelector('summary')!
    const joined = this.change(front, async () => {
      // Either may have been removed since.
      if (!this.items.includes(front) || !this.items.includes(back)) return
      await joinCard(front, back, this.shop)
      this.take(back)
      this.tell(say('customer.card.done', { front: front.name, back: back.name }))
    }, 'customer.card.failed')
    // The button may be gone, and the focus with it.
    void joined.then(() => this.updateComplete).then(() => button.isConnected || summary.focus())
  }

  private change(item: Item, work: () => Promise<unknown>, failure = 'customer.unchanged'): Promise<void> {
    return this.enqueue(async () => {
      const before = item.size
      item.hint = null
      try {
        await work()
        this.beginAnew(item)
      } catch {
        // Too large for it, or damaged.
        item.hint = say(failure)
      }
      if (item.size < before) this.admitAgain()
      this.tell(item.hint ?? this.news)
      await this.keep(item)
    })
  }

  turn(item: Item) {
    void this.change(item, () => turn(item))
  }

  resize(item: Item) {
    void this.change(item, async () => {
      const wasSmall = item.small !== null
      const isSmall = await toggleSize(item)
      if (!isSmall && !wasSmall) item.hint = say('customer.shrink.nothing')
      this.tell(isSmall ? say('customer.saved', { size: size(item.whole!.size - item.small!.size) }) : '')
    })
  }

  private footer(): TemplateResult {
    const { offer } = this.shop
    const wanted = this.items.filter(isWanted)
    const isReady = wanted.length > 0 && wanted.every((item) => !['examining', 'lost'].includes(item.state) && !isEmpty(item))
    const toCome = wanted.filter((item) => item.state !== 'done').length
    const pages = wanted.map((item) => printedPages(item.options, pagesOf(item)))
    const prices = wanted.map((item) => priceOf(item.options, pagesOf(item), offer))
    const known = prices.filter((price) => price !== null)
    return html`
      <form class="footer" @submit=${(event: Event) => (event.preventDefault(), void this.send())}>
        ${this.job.sessionId
          ? nothing
          : html`<label class="field" for="name"><span>${say('customer.name')} <small>${say('customer.name.why')}</small></span></label>
              <input id="name" name="customerName" type="text" maxlength="200" autocomplete="name" .value=${live(this.job.customerName)} @input=${(event: Event) => {
                this.job.customerName = (event.target as HTMLInputElement).value
                this.save()
              }}>`}
        ${wanted.length === 0
          ? nothing
          : html`<dl class="totals" aria-live="polite">
              <div><dt>${say('common.pages.printed')}</dt><dd>${pages.every((one) => one === null) ? say('customer.countedAtShop') : pages.reduce<number>((sum, one) => sum + (one ?? 0), 0)}${pages.includes(null) && pages.some((one) => one !== null) ? html` <small>${say('customer.andMore')}</small>` : nothing}</dd></div>
              <div class="price"><dt>${say('customer.total')}</dt><dd>${known.length === 0 ? say('customer.atCounter') : money(known.reduce((sum, one) => sum + one, 0), offer.currency)}${known.length > 0 && known.length < prices.length ? html` <small>${say('customer.andMore.price')}</small>` : nothing}</dd></div>
            </dl>`}
        <button type="submit" class="primary" ?disabled=${!isReady || this.isWaitingForTab}>${toCome === 0 && wanted.length > 0 ? say('customer.finish') : count('customer.send', toCome)}</button>
        ${wanted.some((item) => item.state === 'failed') ? html`<p class="hint">${say('customer.someFailed')}</p>` : nothing}
      </form>`
  }

  private sendingPanel(): TemplateResult {
    const progress = this.sending?.progress ?? { sent: 0, total: this.items.filter(isWanted).reduce((sum, item) => sum + item.size, 0), secondsLeft: null }
    return progressPanel(progress, navigator.onLine && !this.isCut, () => void this.cancel())
  }
}

function costOf(item: Item, offer: Offer): string | null {
  const price = priceOf(item.options, pagesOf(item), offer)
  return price === null ? null : money(price, offer.currency)
}

/** No image types by name: iOS would convert the photos, and keeps HEIC out of the list. */
const accepted = (shop: Shop) => ['image/*', ...shop.acceptedTypes.filter((type) => !type.startsWith('image/'))].join(',')

customElements.define('ct-send', Send)
