import { count, say } from '../shared/words.ts'
import { size } from '../shared/format.ts'
import type { PrintOptions } from '../shared/printing.ts'
import { body, createItem, examine, isSame, isWanted, joinCard, originalOf, picture, toggleSize, turn, type Excess, type Item } from './item.ts'
import { forgetOld, type Job, type Memory } from './memory.ts'
import { offered } from './options.ts'
import type { Rows } from './row.ts'
import type { Send } from './send.ts'
import { findShared, forgetShared } from './shared-files.ts'
import type { Shop } from './shop.ts'
import { loadTus } from './uploads.ts'

/** The files that the customer has chosen: how they come onto the list, what is done with them before they are sent, and how they outlive a reload. */
export class List implements Rows {
  job: Job = { sessionId: null, customerName: '', sending: false, turn: 0, items: [] }
  /** While this page sends it, or wants to. */
  isSending = false
  /** While this tab waits for another one, which sends the list. */
  isWaitingForTab = false
  /** Resolves when all that was chosen so far has been looked at. */
  examining = Promise.resolve()
  private saving: ReturnType<typeof setTimeout> | null = null

  constructor(readonly shop: Shop, private readonly memory: Memory, private readonly page: Send) {}

  get items() {
    return this.job.items
  }

  get isFixed() {
    return this.isSending || this.isWaitingForTab
  }

  get lockName() {
    return `cloudtab ${this.shop.prefix}#${this.shop.sessionId ?? ''}`
  }

  /** Whether a tab, which is another one unless this one sends, sends this list now. */
  private async isSentElsewhere(): Promise<boolean> {
    const locks = 'locks' in navigator ? await navigator.locks.query() : null
    return locks?.held?.some((lock) => lock.name === this.lockName) ?? false
  }

  /** The list as it was saved, and behind it what the customer has chosen, and what another app has shared. */
  async restore(chosen: File[]) {
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
      this.page.requestUpdate()
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
    if (job?.sending && this.items.every((item) => item.state !== 'lost')) await this.page.send()
  }

  /** @param copy What this tab has of it: the browser keeps no large files. */
  private async recall(item: Item, copy?: Blob | null) {
    item.whole = (await this.memory.read(item)) ?? (copy?.size === item.size ? copy : null)
    if (item.state !== 'done') item.state = item.whole ? 'ready' : 'lost'
    this.page.requestUpdate()
    await picture(item)
  }

  /**
   * What another tab has sent since this one has read the list is not sent once more, and not from its beginning.
   * @param turn What this tab knows of the list, if anything.
   */
  async readAgain(turn?: number) {
    const saved = await this.memory.load(turn)
    if (!saved) return
    const before = this.items
    const own = before.filter((item) => !this.memory.has(item))
    this.job = { ...saved, customerName: this.job.customerName || saved.customerName, items: [...saved.items, ...own] }
    for (const item of before) if (item.picture && !own.includes(item)) URL.revokeObjectURL(item.picture)
    for (const item of saved.items) void this.enqueue(() => this.recall(item, before.find((one) => one.id === item.id)?.whole))
    this.admitAgain()
  }

  /** @param copies Where copies of them wait until they are kept here. */
  add(files: File[], copies?: ReadonlyMap<File, string>) {
    if (files.length === 0) return
    void loadTus()
    this.page.error = null
    for (const file of files) {
      // One that the browser had lost, chosen again. Cameras call every photo the same.
      const named = this.items.filter((item) => item.state === 'lost' && item.name === file.name)
      const lost = named.find((item) => isSame(item, file)) ?? named[0]
      if (lost) this.found(lost, file, copies?.get(file))
      else this.begin(file, copies?.get(file))
    }
    // Before any of them is examined, which takes a while: after a reload the list says at least which ones to choose again.
    this.save()
    this.page.tell(count('customer.added', files.length))
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
  admitAgain() {
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
    if (item.state === 'refused') this.page.tell(`${item.name}: ${item.error}`)
    this.page.requestUpdate()
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
      if (this.job.sending && this.items.every((one) => one.state !== 'lost')) void this.page.send()
    })
  }

  /** One file after the other: looking at many large ones at once would be too much for a phone. */
  private enqueue(work: () => Promise<unknown>): Promise<void> {
    this.examining = this.examining.then(work).catch(() => {}).then(() => this.page.requestUpdate())
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

  save() {
    if (this.saving !== null) return
    this.saving = setTimeout(() => {
      this.saving = null
      void this.memory.save(this.job)
    }, 100)
  }

  take(item: Item) {
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
    this.page.tell(say('customer.removed', { name: item.name }))
    void this.page.updateComplete.then(() => {
      const rows = this.page.querySelectorAll<HTMLElement>('.file .remove')
      ;(rows[Math.min(index, rows.length - 1)] ?? this.page.querySelector<HTMLElement>('input[type=file]'))?.focus()
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
    this.page.requestUpdate()
    this.save()
  }

  setForAll(item: Item) {
    for (const other of this.items) {
      if (other.state === 'done') continue
      other.options = offered({ ...item.options, pageRanges: other === item ? item.options.pageRanges : null }, this.shop.offer)
      this.beginAnew(other)
    }
    this.page.tell(say('customer.sameForAll.done'))
    this.save()
  }

  /** Both sides of a card on one page. It can be undone by choosing them again. */
  join(front: Item, back: Item, button: HTMLElement) {
    const summary = button.closest('details')!.querySelector('summary')!
    const joined = this.change(front, async () => {
      // Either may have been removed since.
      if (!this.items.includes(front) || !this.items.includes(back)) return
      await joinCard(front, back, this.shop)
      this.take(back)
      this.page.tell(say('customer.card.done', { front: front.name, back: back.name }))
    }, 'customer.card.failed')
    // The button may be gone, and the focus with it.
    void joined.then(() => this.page.updateComplete).then(() => button.isConnected || summary.focus())
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
      this.page.tell(item.hint ?? this.page.news)
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
      this.page.tell(isSmall ? say('customer.saved', { size: size(item.whole!.size - item.small!.size) }) : '')
    })
  }

  /** What was to be saved in a moment is saved otherwise, or not at all. */
  cancelSave() {
    if (this.saving !== null) clearTimeout(this.saving)
    this.saving = null
  }

  /** The shop has been told. Whatever is saved from here on is the next list. */
  async clear() {
    this.cancelSave()
    await Promise.all(this.items.filter(isWanted).map((item) => this.forgetCopy(item)))
    this.job = { sessionId: null, customerName: '', sending: false, turn: this.job.turn, items: [] }
    await this.memory.clear()
  }
}
