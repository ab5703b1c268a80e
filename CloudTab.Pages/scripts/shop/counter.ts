import { html, nothing, type TemplateResult } from 'lit'
import { count, say } from '../shared/words.ts'
import { Actions } from './actions.ts'
import { call, learnTime, onSignedOut } from './api.ts'
import type { Job, PendingSession, ProcessingSession, ShopSettings } from './contract.ts'
import './day.ts'
import { CtElement, type Places } from './element.ts'
import { formatExtent } from './format.ts'
import { Handled } from './handled.ts'
import { type FileShow, type FilesHandled, isYours, type JobAct } from './job.ts'
import { Link, type LinkState } from './link.ts'
import { type Notice, Notices } from './notices.ts'
import { QueueView } from './queue-view.ts'
import { Queue } from './queue.ts'
import type { ShopSeen } from './settings.ts'
import './settings.ts'
import { Chime, soundButton } from './sound.ts'
import type { CtViewer } from './viewer.ts'
import './viewer.ts'

type View = 'queue' | 'day' | 'settings'

const paths: Record<View, string> = { queue: '/shop', day: '/shop/day', settings: '/shop/settings' }

/** Milliseconds that events are gathered for before the list is drawn: a hundred a second are ten drawings. */
const gatherTime = 100

/** A claim lapses after ten minutes (CLAIM_LEASE): as long as the page is open its jobs stay its own. */
const renewEvery = 3 * 60_000

type Shop = Pick<ShopSettings, 'id' | 'name' | 'acceptsUploads'>

/** What the server wrote into the page. */
interface Beginning {
  now: string
  shop: Shop
  pending: PendingSession[]
  processing: ProcessingSession[]
  languages: { tag: string; name: string }[]
}

/** The shop's page: its bar, its views and its connection, which keeps the queue live. The server has rendered the list; this takes its place. */
export class CtCounter extends CtElement {
  static override properties = {
    view: { state: true },
    shop: { state: true },
    viewed: { state: true },
    link: { state: true },
    minute: { state: true },
  }

  declare private view: View

  /** As the relay has said last: any counter may change it. */
  declare private shop: Shop

  /** Session of the file that was looked at last. */
  declare private viewed: string | undefined

  declare private link: LinkState
  declare private minute: number

  readonly #begun = JSON.parse(document.getElementById('begin')!.textContent) as Beginning
  readonly #chime = new Chime(() => this.requestUpdate())
  readonly #notices = new Notices(() => this.requestUpdate())

  readonly #handled = new Handled()
  readonly #queue = new Queue(
    () => this.#drawSoon(),
    (job) => this.#announce(job),
    (job) => this.#end(job),
    () => this.#link.send({ type: 'get_pending' }),
  )
  readonly #link = new Link(
    (frame) => this.#queue.hear(frame),
    (state) => this.#linked(state),
  )
  readonly #queueView = new QueueView(this, this.#queue, this.#notices, (job) => void this.#actions.do(job, 'claim'))
  readonly #actions = new Actions(this.#queue, this.#handled, this.#queueView, this.#notices, () => this.requestUpdate())
  #gatherTimer = 0
  #arrivals: Job[] = []
  #announced = ''

  constructor() {
    super()
    learnTime(this.#begun.now)
    this.view = viewOf(location.pathname)
    this.shop = this.#begun.shop
    this.link = 'connecting'
    this.minute = 0
    this.#queue.begin(this.#begun.pending, this.#begun.processing)
  }

  protected override createRenderRoot(): this {
    this.replaceChildren() // what the server has rendered
    return super.createRenderRoot()
  }

  override connectedCallback(): void {
    super.connectedCallback()
    onSignedOut(() => (this.link = 'signed-out'))
    this.addEventListener('ct-act', (event) => void this.#actions.act((event as JobAct).detail))
    this.addEventListener('ct-show', (event) => void this.#show((event as FileShow).detail))
    this.addEventListener('ct-back', () => this.#queueView.select(undefined))
    this.addEventListener('ct-handled', (event) => this.#handle((event as FilesHandled).detail))
    this.addEventListener('ct-notice', (event) => this.#notices.add((event as Notice).detail.text, (event as Notice).detail.isError))
    this.addEventListener('ct-shop', (event) => this.#learnShop((event as ShopSeen).detail))
    addEventListener('popstate', () => (this.view = viewOf(location.pathname)))
    addEventListener('keydown', (event) => this.view === 'queue' && this.#queueView.hotkey(event))
    setInterval(() => this.minute++, 30_000)
    setInterval(() => this.#renew(), renewEvery)
    this.#link.start()
    this.#title()
  }

  protected override render(): TemplateResult {
    const { selected } = this.#queueView
    const isBusy = this.link === 'signed-out' || (selected !== undefined && this.#actions.isBusy(selected))
    return html`
      ${this.#bar()} ${this.#banner()}
      ${this.view === 'queue'
        ? this.#queueView.render(this.minute, isBusy)
        : this.view === 'day'
          ? html`<ct-day .minute=${this.minute}></ct-day>`
          : html`<ct-settings .languages=${this.#begun.languages}></ct-settings>`}
      <ct-viewer .mayPrint=${isYours(this.#queue.jobs.get(this.viewed ?? ''))}></ct-viewer>
      ${this.#notices.render()}
      <p class="visually-hidden" role="status">${this.#announced}</p>
    `
  }

  #bar(): TemplateResult {
    const waiting = this.#waiting().length
    const tab = (view: View, label: string, badge: unknown = nothing): TemplateResult =>
      html` <a
        href=${paths[view]}
        aria-current=${this.view === view ? 'page' : 'false'}
        @click=${(event: MouseEvent) => this.#go(event, view)}
        >${label}${badge}</a
      >`
    return html`
      <header class="bar">
        <p class="shop-name">${this.shop.name}</p>
        <nav aria-label=${say('shop.views')}>
          ${tab('queue', say('shop.queue'), waiting > 0 ? html` <span class="badge">${waiting}</span>` : nothing)}
          ${tab('day', say('shop.day'))} ${tab('settings', say('shop.settings'))}
        </nav>
        <div class="bar-tools">
          <p class="link" data-state=${this.link} role="status"><span class="link-dot"></span>${say(`shop.link.${this.link}`)}</p>
          ${soundButton(this.#chime)}
        </div>
      </header>
    `
  }

  #banner(): TemplateResult | typeof nothing {
    if (this.link === 'signed-out') {
      return html`<div class="banner" role="alert">
        <p>${say('shop.signedOut')}</p>
        <a class="button" href="/shop">${say('shop.signIn')}</a>
      </div>`
    }
    if (this.link === 'broken') {
      return html`<div class="banner" role="status">
        <p>${say('shop.broken')}</p>
        <button @click=${() => this.#link.retryNow()}>${say('shop.connectNow')}</button>
      </div>`
    }
    if (this.view === 'queue' && !this.shop.acceptsUploads) {
      return html`<div class="banner" role="status">
        <p>${say('shop.closed')}</p>
        <a class="button" href=${paths.settings} @click=${(event: MouseEvent) => this.#go(event, 'settings')}>${say('shop.settings')}</a>
      </div>`
    }
    return nothing
  }

  protected override beside(focused: HTMLElement): Places {
    return this.#queueView.beside(focused)
  }

  #waiting(): Job[] {
    return [...this.#queue.jobs.values()].filter((job) => job.status === 'pending')
  }

  // Events change the list ten times a second at most; what a person does shows at once.
  #drawSoon(): void {
    if (this.#gatherTimer !== 0) return
    this.#gatherTimer = setTimeout(() => {
      this.#gatherTimer = 0
      const { selected } = this.#queueView
      if (selected) this.#queueView.selected = this.#queue.jobs.get(selected.sessionId) ?? selected
      this.#sayArrivals()
      this.#title()
      this.requestUpdate()
    }, gatherTime)
  }

  #title(): void {
    const waiting = this.#waiting().length
    document.title = waiting > 0 ? `(${waiting}) ${this.shop.name}` : this.shop.name
  }

  #announce(job: Job): void {
    if (this.#arrivals.length === 0) this.#chime.ring()
    this.#arrivals.push(job)
  }

  #sayArrivals(): void {
    const [first] = this.#arrivals
    if (!first) return
    this.#announced =
      this.#arrivals.length === 1
        ? say('shop.arrived', { code: first.pickupCode, name: first.customerName ?? say('shop.noName'), extent: formatExtent(first) })
        : count('shop.arrivedMany', this.#arrivals.length)
    this.#arrivals = []
  }

  #end(job: Job): void {
    this.#handled.forget(job.sessionId)
    if (this.#queueView.selected?.sessionId !== job.sessionId) return
    this.#queueView.selected = job
    this.requestUpdate()
    this.querySelector<CtViewer>('ct-viewer')?.close()
  }

  /** While there is no connection a download can only fail. */
  #handle({ job, files, isDownload }: FilesHandled['detail']): void {
    if (!isDownload || this.link === 'live') this.#handled.add(job.sessionId, files, isDownload)
  }

  async #show({ job, file, print }: FileShow['detail']): Promise<void> {
    const viewer = this.querySelector<CtViewer>('ct-viewer')
    if (!viewer) return
    viewer.handled = (handled, isDownload) => this.#handle({ job, files: [handled], isDownload })
    this.viewed = job.sessionId
    await this.updateComplete
    await viewer.open(file, print)
  }

  #linked(state: LinkState): void {
    this.link = state
    if (state !== 'live') this.#handled.loseDownloads()
    this.#renew() // nothing was while there was no connection
  }

  #renew(): void {
    if (this.link !== 'live') return
    void this.#renewClaims()
    void this.#renewShop()
  }

  #learnShop(shop: Shop): void {
    this.shop = shop
    this.#title()
  }

  /** No event tells that another counter has closed the shop, opened it, or given it another name. */
  async #renewShop(): Promise<void> {
    const known = this.shop
    try {
      const shop = await call<ShopSettings>('GET', '/shop')
      if (known === this.shop) this.#learnShop(shop) // else the settings have told it since
    } catch {
      // The next time.
    }
  }

  async #renewClaims(): Promise<void> {
    for (const job of [...this.#queue.jobs.values()].filter(isYours)) {
      try {
        await call('POST', `/sessions/${job.sessionId}/claim?renew=true`)
      } catch {
        // Lost meanwhile: its event tells.
      }
    }
  }

  #go(event: MouseEvent, view: View): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    if (view === this.view) return
    history.pushState(null, '', paths[view])
    this.view = view
    this.#notices.clear() // they would cover what the other view has at its top
  }
}

const viewOf = (path: string): View => (path.endsWith('/day') ? 'day' : path.endsWith('/settings') ? 'settings' : 'queue')

customElements.define('ct-counter', CtCounter)
