import { LitElement, html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { live } from 'lit/directives/live.js'
import { count, say } from '../shared/words.ts'
import { size } from '../shared/format.ts'
import { money } from '../shared/money.ts'
import { priceOf, printedPages } from '../shared/printing.ts'
import { Drops } from './drops.ts'
import { icon } from './icon.ts'
import { isWanted, pagesOf } from './item.ts'
import { List } from './list.ts'
import { Memory } from './memory.ts'
import { wake } from './pause.ts'
import { progressPanel } from './progress.ts'
import { isEmpty, row } from './row.ts'
import { readShop, type Shop } from './shop.ts'
import { Submission } from './submission.ts'

/**
 * Sends files: it takes the place of the server's form, with what was already filled in, and does the same and more. In the page's own tree,
 * so that the page's styles hold.
 */
export class Send extends LitElement {
  error: string | null = null
  news = ''
  private list!: List
  private submission!: Submission

  constructor() {
    super()
    new Drops(this, (files) => this.list.add(files))
  }

  protected override createRenderRoot() {
    const shop = readShop()
    const memory = new Memory(shop.prefix, shop.sessionId)
    this.list = new List(shop, memory, this)
    this.submission = new Submission(shop, memory, this.list, this)
    const chosen = [...(this.querySelector<HTMLInputElement>('input[type=file]')?.files ?? [])]
    this.list.job.customerName = this.querySelector<HTMLInputElement>('input[name=customerName]')?.value ?? ''
    this.list.job.sessionId = shop.sessionId
    this.error = this.querySelector('[role=alert]')?.textContent ?? null
    this.replaceChildren()
    void this.list.restore(chosen)
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

  /** Sends the list, unless that is under way already, or a field has to be put right before. */
  async send() {
    await this.list.examining
    if (this.list.isFixed) return
    const wrong = this.querySelector<HTMLInputElement>('.settings :invalid')
    if (wrong) {
      wrong.closest('details')!.open = true
      wrong.reportValidity()
      return
    }
    await this.submission.run()
  }

  /** The panel is gone, and the focus was in it. */
  async leaveProgress() {
    if (!this.querySelector('.upload')?.contains(document.activeElement)) return
    await this.updateComplete
    const button = this.querySelector<HTMLButtonElement>('form [type=submit]:not(:disabled)')
    ;(button ?? this.querySelector<HTMLElement>('input[type=file]'))?.focus()
  }

  /** The button that was pressed is gone, and the panel is above a long list. */
  async showProgress() {
    await this.updateComplete
    const panel = this.querySelector<HTMLElement>('.upload')
    panel?.scrollIntoView({ block: 'start' })
    panel?.focus({ preventScroll: true })
  }

  tell(news: string) {
    this.news = news
    this.requestUpdate()
  }

  private readonly networked = () => {
    if (navigator.onLine) wake()
    this.requestUpdate()
  }

  private readonly picked = (event: Event) => {
    const input = event.target as HTMLInputElement
    this.list.add([...(input.files ?? [])])
    input.value = ''
  }

  protected override render() {
    const { items, isSending } = this.list
    const lost = items.filter((item) => item.state === 'lost').length
    return html`
      ${this.error ? html`<p class="error" role="alert">${this.error}</p>` : nothing}
      ${lost > 0 ? html`<p class="notice" role="status">${count('customer.lost', lost)}</p>` : nothing}
      ${isSending ? this.sendingPanel() : this.chooser()}
      <p class="visually-hidden" role="status">${this.news}</p>
      ${items.length > 0
        ? html`<h2 class="visually-hidden">${say('customer.files')}</h2>
            <ul class="files">${repeat(items, (item) => item.id, (item) => row(this.list, item))}</ul>`
        : nothing}
      ${isSending || items.length === 0 ? nothing : this.footer()}
    `
  }

  private chooser(): TemplateResult {
    const { shop, items } = this.list
    const isFirst = items.length === 0
    return html`
      <div class="chooser ${isFirst ? 'first' : ''}">
        <label class="button ${isFirst ? 'primary' : ''}">
          ${icon('M12 16V4m-5 5 5-5 5 5M4 15v3a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-3')} ${say(isFirst ? 'customer.choose' : 'customer.more')}
          <input class="visually-hidden" type="file" multiple accept=${accepted(shop)} aria-describedby="limits" @change=${this.picked}>
        </label>
        <label class="button camera">
          ${icon('M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7')} ${say('customer.camera')}
          <input class="visually-hidden" type="file" accept="image/*" capture="environment" @change=${this.picked}>
        </label>
        <p class="hint drop">${say('customer.drop')}</p>
        <p class="hint" id="limits">${isFirst ? say('customer.limits', { files: shop.limits.files, size: size(shop.limits.fileSize) }) : nothing}</p>
      </div>`
  }

  private footer(): TemplateResult {
    const { job, items, shop } = this.list
    const { offer } = shop
    const wanted = items.filter(isWanted)
    const isReady = wanted.length > 0 && wanted.every((item) => !['examining', 'lost'].includes(item.state) && !isEmpty(item))
    const toCome = wanted.filter((item) => item.state !== 'done').length
    const pages = wanted.map((item) => printedPages(item.options, pagesOf(item)))
    const prices = wanted.map((item) => priceOf(item.options, pagesOf(item), offer))
    const known = prices.filter((price) => price !== null)
    return html`
      <form class="footer" @submit=${(event: Event) => (event.preventDefault(), void this.send())}>
        ${job.sessionId
          ? nothing
          : html`<label class="field" for="name"><span>${say('customer.name')} <small>${say('customer.name.why')}</small></span></label>
              <input id="name" name="customerName" type="text" maxlength="200" autocomplete="name" .value=${live(job.customerName)} @input=${(event: Event) => {
                this.list.job.customerName = (event.target as HTMLInputElement).value
                this.list.save()
              }}>`}
        ${wanted.length === 0
          ? nothing
          : html`<dl class="totals" aria-live="polite">
              <div><dt>${say('common.pages.printed')}</dt><dd>${pages.every((one) => one === null) ? say('customer.countedAtShop') : pages.reduce<number>((sum, one) => sum + (one ?? 0), 0)}${pages.includes(null) && pages.some((one) => one !== null) ? html` <small>${say('customer.andMore')}</small>` : nothing}</dd></div>
              <div class="price"><dt>${say('customer.total')}</dt><dd>${known.length === 0 ? say('customer.atCounter') : money(known.reduce((sum, one) => sum + one, 0), offer.currency)}${known.length > 0 && known.length < prices.length ? html` <small>${say('customer.andMore.price')}</small>` : nothing}</dd></div>
            </dl>`}
        <button type="submit" class="primary" ?disabled=${!isReady || this.list.isWaitingForTab}>${toCome === 0 && wanted.length > 0 ? say('customer.finish') : count('customer.send', toCome)}</button>
        ${wanted.some((item) => item.state === 'failed') ? html`<p class="hint">${say('customer.someFailed')}</p>` : nothing}
      </form>`
  }

  private sendingPanel(): TemplateResult {
    const { submission } = this
    return progressPanel(submission.progress, navigator.onLine && !submission.isCut, () => void submission.cancel())
  }
}

/** No image types by name: iOS would convert the photos, and keeps HEIC out of the list. */
const accepted = (shop: Shop) => ['image/*', ...shop.acceptedTypes.filter((type) => !type.startsWith('image/'))].join(',')

customElements.define('ct-send', Send)
