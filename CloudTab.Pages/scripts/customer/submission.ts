import type { CustomerSchemas } from '../shared/contract.ts'
import { money } from '../shared/money.ts'
import { priceOf, type Offer } from '../shared/printing.ts'
import { say } from '../shared/words.ts'
import { Refused, call, isOver, notOffered, statusOf } from './api.ts'
import { body, isWanted, pagesOf, type Item } from './item.ts'
import type { List } from './list.ts'
import type { Memory } from './memory.ts'
import { offered, summary } from './options.ts'
import type { Send } from './send.ts'
import { readShopAgain, type Shop } from './shop.ts'
import { Uploads, type Progress } from './uploads.ts'

/**
 * Submits the list: opens a session for it unless it has one, sends the files to that, and tells the shop when all have arrived. A session that ends
 * meanwhile is left, and the files are kept for another one.
 */
export class Submission {
  private uploads: Uploads | null = null
  /** Stops the run that is under way. */
  private stopping = new AbortController()
  /** Whether the last call had no answer. */
  isCut = false

  constructor(private readonly shop: Shop, private readonly memory: Memory, private readonly list: List, private readonly page: Send) {}

  private get job() {
    return this.list.job
  }

  private get items() {
    return this.list.items
  }

  get progress(): Progress {
    return this.uploads?.progress ?? { sent: 0, total: this.items.filter(isWanted).reduce((sum, item) => sum + item.size, 0), secondsLeft: null }
  }

  /** In one tab at a time: another one that has the same list would send all of it once more. Browsers lock over HTTPS only. */
  async run() {
    this.stopping = new AbortController()
    const { signal } = this.stopping
    this.list.isSending = true
    this.page.error = null
    this.page.requestUpdate()
    void this.page.showProgress()
    try {
      if (!('locks' in navigator)) return await this.sendAlone(signal)
      await navigator.locks.request(this.list.lockName, { ifAvailable: true }, async (lock) => {
        if (lock) return this.sendAlone(signal)
        void this.waitForTab()
      })
    } finally {
      this.list.isSending = false
      for (const item of this.items) if (item.state === 'waiting') item.state = 'ready'
      this.page.requestUpdate()
      void this.page.leaveProgress()
    }
  }

  /** Until the other tab has sent the list, or stops, or is closed: then what is left of the list goes on here. */
  private async waitForTab() {
    this.list.isWaitingForTab = true
    this.page.error = say('customer.otherTab')
    await navigator.locks.request(this.list.lockName, async () => {
      await this.list.examining
      await this.list.readAgain(this.job.turn)
    })
    this.list.isWaitingForTab = false
    this.page.error = null
    this.page.requestUpdate()
    await this.list.examining
    if (this.job.sending && this.items.every((item) => item.state !== 'lost')) await this.page.send()
  }

  private async sendAlone(signal: AbortSignal) {
    try {
      await this.list.readAgain(this.job.turn)
      await this.list.examining
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
      this.uploads = new Uploads(this.shop, sessionId, () => this.items, this.memory, this.progressed)
      for (const item of this.items) if (item.state === 'ready' || item.state === 'failed') Object.assign(item, { state: 'waiting', error: null })
      this.page.requestUpdate()
      do {
        await this.uploads.run()
        await this.list.examining
      } while (this.isWaiting || ((await this.submit(sessionId, signal)) && this.isWaiting))
      if (this.job.sending) await this.finish(sessionId)
    } catch (failure) {
      if (!signal.aborted) await this.failed(failure, signal)
    } finally {
      this.uploads = null
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
      if (wanted.some((item) => item.state === 'failed')) this.page.tell(say('customer.someFailed'))
      return false
    }
    // Before it is: its answer may be lost, and the shop prints.
    this.job.submitted = true
    await this.memory.save(this.job)
    await call('POST', `${this.shop.prefix}/api/customer/sessions/${sessionId}/submit`, undefined, signal, this.heard)
    await this.list.examining
    return true
  }

  private async finish(sessionId: string) {
    this.page.tell(say('customer.arrived'))
    await this.page.updateComplete
    await this.list.clear()
    location.assign(`${this.shop.prefix}/sessions/${sessionId}`)
    // The next page takes its time: nothing here may be pressed meanwhile.
    await new Promise((resolve) => addEventListener('pageshow', resolve, { once: true }))
  }

  private async failed(failure: unknown, signal: AbortSignal): Promise<void> {
    this.uploads?.stop()
    this.job.sending = false
    this.page.error = failure instanceof Refused ? failure.message : say('common.error.internal_error')
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
      this.list.setOptions(item, nearest)
      if (item.state === 'failed') Object.assign(item, { state: 'ready', error: null })
    }
    if (change) this.page.error = say(change)
    return change !== null
  }

  /** The session has ended, and takes no file any more. If the shop has finished it, what had arrived is on paper: only the rest can be sent anew. */
  private async leaveSession(signal: AbortSignal) {
    const { sessionId } = this.job
    const ended = sessionId && (await statusOf(this.shop.prefix, sessionId, signal, this.heard))
    if (signal.aborted) return
    if (ended === 'completed') {
      for (const item of this.items.filter(({ state }) => state === 'done')) this.list.take(item)
      this.page.error = say('customer.finishedMeanwhile')
    }
    const isAdded = this.shop.sessionId !== null
    if (isAdded) Object.assign(this.shop, { sessionId: null, held: { files: 0, size: 0 } })
    this.startOver()
    if (isAdded) {
      // From now on, also after a reload, behind what the form's list has: that may have a session of its own, which the shop may know of. Nothing may
      // be saved before that is read: it would be under the old address again, or in the place of the form's list. A file
      // that is still being looked at is saved right after that.
      await this.list.examining
      this.list.cancelSave()
      await this.memory.leaveSession()
      await this.list.readAgain()
      this.job.sending = false
      history.replaceState(null, '', `${this.shop.prefix}/`)
    }
    this.list.admitAgain()
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

  async cancel() {
    this.job.sending = false
    this.stopping.abort()
    this.uploads?.stop()
    const { sessionId, submitted } = this.job
    // What the shop knows of it may be printing.
    if (!sessionId || this.shop.sessionId || submitted) return
    this.startOver()
    await call('DELETE', `${this.shop.prefix}/api/customer/sessions/${sessionId}`).catch(() => {})
  }

  private readonly progressed = () => {
    this.page.requestUpdate()
    this.list.save()
  }

  private readonly heard = (isAnswered: boolean) => {
    this.isCut = !isAnswered
    this.page.requestUpdate()
  }
}

function costOf(item: Item, offer: Offer): string | null {
  const price = priceOf(item.options, pagesOf(item), offer)
  return price === null ? null : money(price, offer.currency)
}
