import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { count, say } from '../shared/words.ts'
import { call, learnTime, onSignedOut, Problem } from './api.ts'
import type { Job, JobDetails, PendingSession, ProcessingSession, ShopSettings } from './contract.ts'
import './day.ts'
import { CtElement, focusFirst, type Places } from './element.ts'
import { formatExtent } from './format.ts'
import { Handled } from './handled.ts'
import { icons } from './icons.ts'
import { type FileShow, type FilesHandled, isLive, isYours, type JobAct, type Verb } from './job.ts'
import { Link, type LinkState } from './link.ts'
import { explain, Notice } from './notices.ts'
import { ask } from './question.ts'
import { questionBefore } from './questions.ts'
import { endOf, inOrder, Queue } from './queue.ts'
import { rowOf, section, type RowActs } from './row.ts'
import type { ShopSeen } from './settings.ts'
import './settings.ts'
import { Chime } from './sound.ts'
import type { CtViewer } from './viewer.ts'
import './viewer.ts'

type View = 'queue' | 'day' | 'settings'

const paths: Record<View, string> = { queue: '/shop', day: '/shop/day', settings: '/shop/settings' }

/** Milliseconds that events are gathered for before the list is drawn: a hundred a second are ten drawings. */
const gatherTime = 100

const noticeTime = 8_000

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

/** The shop's page: the queue, live, and what is done with it. The server has rendered the list; this takes its place. */
export class CtCounter extends CtElement {
  static override properties = {
    view: { state: true },
    shop: { state: true },
    search: { state: true },
    selected: { state: true },
    viewed: { state: true },
    busy: { state: true },
    link: { state: true },
    notices: { state: true },
    minute: { state: true },
  }

  declare private view: View

  /** As the relay has said last: any counter may change it. */
  declare private shop: Shop
  declare private search: string
  declare private selected: Job | undefined

  /** Session of the file that was looked at last. */
  declare private viewed: string | undefined

  /** The sessions that something is being done with. The next job can be taken before the answer for the last one is there. */
  declare private busy: ReadonlySet<string>
  declare private link: LinkState
  declare private notices: { id: number; text: string; isError: boolean }[]
  declare private minute: number

  readonly #begun = JSON.parse(document.getElementById('begin')!.textContent) as Beginning
  readonly #chime = new Chime(() => this.requestUpdate())

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
  readonly #acts: RowActs = { open: (job) => this.#select(job), take: (job) => void this.#do(job, 'claim') }
  #gatherTimer = 0
  #arrivals: Job[] = []
  #announced = ''
  #noticeId = 0

  // Counts what was chosen to be open: an answer that comes late does not take the place of what was chosen since.
  #choice = 0

  constructor() {
    super()
    learnTime(this.#begun.now)
    this.view = viewOf(location.pathname)
    this.shop = this.#begun.shop
    this.search = ''
    this.busy = new Set()
    this.link = 'connecting'
    this.notices = []
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
    this.addEventListener('ct-act', (event) => void this.#act((event as JobAct).detail))
    this.addEventListener('ct-show', (event) => void this.#show((event as FileShow).detail))
    this.addEventListener('ct-back', () => this.#select(undefined))
    this.addEventListener('ct-handled', (event) => this.#handle((event as FilesHandled).detail))
    this.addEventListener('ct-notice', (event) => this.#notify((event as Notice).detail.text, (event as Notice).detail.isError))
    this.addEventListener('ct-shop', (event) => this.#learnShop((event as ShopSeen).detail))
    addEventListener('popstate', () => (this.view = viewOf(location.pathname)))
    addEventListener('keydown', (event) => this.#hotkey(event))
    setInterval(() => this.minute++, 30_000)
    setInterval(() => this.#renew(), renewEvery)
    this.#link.start()
    this.#title()
  }

  protected override render(): TemplateResult {
    return html`
      ${this.#bar()} ${this.#banner()}
      ${this.view === 'queue'
        ? this.#queueView()
        : this.view === 'day'
          ? html`<ct-day .minute=${this.minute}></ct-day>`
          : html`<ct-settings .languages=${this.#begun.languages}></ct-settings>`}
      <ct-viewer .mayPrint=${isYours(this.#queue.jobs.get(this.viewed ?? ''))}></ct-viewer>
      <div class="notices" role="status">
        ${repeat(
          this.notices,
          (notice) => notice.id,
          (notice) =>
            html` <p class=${notice.isError ? 'notice is-error' : 'notice'}>
              <span>${notice.text}</span>
              <button class="quiet" aria-label=${say('shop.close')} @click=${() => this.#dismiss(notice.id)}>${icons.close}</button>
            </p>`,
        )}
      </div>
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
          ${this.#sound()}
        </div>
      </header>
    `
  }

  #sound(): TemplateResult {
    if (this.#chime.isOn && !this.#chime.isAwake) {
      return html`<button class="quiet sound" aria-label=${say('shop.sound.touch')} title=${say('shop.sound.touch')} @click=${this.#toggleSound}>
        ${icons.soundOff}<span>${say('shop.sound.touch')}</span>
      </button>`
    }
    return html`<button
      class="quiet sound"
      aria-pressed=${this.#chime.isOn ? 'true' : 'false'}
      aria-label=${say('shop.sound')}
      title=${say('shop.sound')}
      @click=${this.#toggleSound}
    >
      ${this.#chime.isOn ? icons.soundOn : icons.soundOff}
    </button>`
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

  #queueView(): TemplateResult {
    const shown = this.#shown()
    const yours = shown.filter(isYours)
    const theirs = shown.filter((job) => job.status === 'processing' && !job.claimedByYou)
    const waiting = shown.filter((job) => job.status === 'pending')
    return html`
      <main class=${this.selected ? 'queue has-job' : 'queue'}>
        <h1 class="visually-hidden">${say('shop.queue')}</h1>
        <section class="queue-list" aria-label=${say('shop.queue')}>
          <form class="search" role="search" @submit=${this.#find}>
            ${icons.search}
            <input
              id="search"
              type="search"
              name="code"
              autocomplete="off"
              autocapitalize="characters"
              spellcheck="false"
              .value=${this.search}
              placeholder=${say('shop.searchHint')}
              aria-label=${say('shop.search')}
              @input=${this.#filter}
            />
          </form>
          <div class="scroller" @keydown=${this.#walk}>
            ${section(say('shop.yours'), yours, this.selected, this.#acts)} ${section(say('shop.waiting'), waiting, this.selected, this.#acts)}
            ${section(say('shop.theirs'), theirs, this.selected, this.#acts)} ${shown.length === 0 ? this.#empty() : nothing}
          </div>
        </section>
        <section class="queue-job" aria-label=${say('shop.job')}>
          ${this.selected
            ? html`<ct-job .job=${this.selected} .minute=${this.minute} ?busy=${this.busy.has(this.selected.sessionId) || this.link === 'signed-out'}></ct-job>`
            : html`<p class="choose">${say('shop.choose')}</p>`}
        </section>
      </main>
    `
  }

  #empty(): TemplateResult {
    return html`<div class="empty">
      <p class="empty-title">${this.search ? say('shop.nothingFound') : say('shop.noJobs')}</p>
      <p>${this.search ? say('shop.nothingFoundHint') : say('shop.noJobsHint')}</p>
    </div>`
  }

  /** A row that goes to another section keeps the focus; that of one that leaves the list goes to its neighbour. */
  protected override beside(focused: HTMLElement): Places {
    const row = focused.closest<HTMLElement>('li.job')
    if (!row) return ['#job-code', '.job-open', '#search']
    const neighbours = [row.nextElementSibling, row.previousElementSibling].map((one) => one?.querySelector<HTMLElement>('.job-open'))
    return [rowOf(row.dataset['session']!), ...neighbours, '.job-open', '#search']
  }

  /** The jobs that the search leaves, the one that came first on top: it is served first. */
  #shown(): Job[] {
    const wanted = this.search.trim().toUpperCase()
    const jobs = [...this.#queue.jobs.values()].sort(inOrder)
    if (!wanted) return jobs
    return jobs.filter(
      (job) =>
        job.pickupCode.startsWith(wanted.replaceAll(' ', '')) ||
        job.customerName?.toUpperCase().includes(wanted) ||
        String(job.token ?? '') === wanted,
    )
  }

  #waiting(): Job[] {
    return [...this.#queue.jobs.values()].filter((job) => job.status === 'pending')
  }

  // Events change the list ten times a second at most; what a person does shows at once.
  #drawSoon(): void {
    if (this.#gatherTimer !== 0) return
    this.#gatherTimer = setTimeout(() => {
      this.#gatherTimer = 0
      if (this.selected) this.selected = this.#queue.jobs.get(this.selected.sessionId) ?? this.selected
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
    if (this.selected?.sessionId === job.sessionId) {
      this.selected = job
      this.querySelector<CtViewer>('ct-viewer')?.close()
    }
  }

  /** @param isChosen Whether a person has chosen it just now: not if an answer closes the job that it is about. */
  #select(job: Job | undefined, isChosen = true): void {
    const before = this.selected
    if (isChosen) this.#choice++
    this.selected = job
    if (job && !isLive(job)) this.selected = undefined
    // On a phone the job takes the list's place: the focus goes along, and comes back.
    void this.updateComplete.then(() => {
      if (job) focusFirst(['#job-code'])
      else if (before) focusFirst([rowOf(before.sessionId), '.job-open', '#search'])
    })
  }

  /** While there is no connection a download can only fail. */
  #handle({ job, files, isDownload }: FilesHandled['detail']): void {
    if (!isDownload || this.link === 'live') this.#handled.add(job.sessionId, files, isDownload)
  }

  async #act({ job, verb, files }: JobAct['detail']): Promise<void> {
    const question = questionBefore(verb, job, files, this.#handled)
    const reason = question && (await ask(question))
    if (question && reason === undefined) return
    await this.#do(job, verb, reason)
  }

  async #do(job: Job, verb: Verb, reason?: string): Promise<void> {
    if (this.busy.has(job.sessionId)) return
    this.busy = new Set(this.busy).add(job.sessionId)
    const since = this.#queue.now
    try {
      const path = `/sessions/${job.sessionId}`
      switch (verb) {
        case 'claim': {
          const choice = ++this.#choice
          const { session } = await call<{ session: JobDetails }>('POST', `${path}/claim`)
          const taken = this.#queue.learn(session, since, true)
          if (choice === this.#choice) this.#select(taken)
          break
        }
        case 'release':
          await call('POST', `${path}/release`, reason ? { reason } : undefined)
          this.#queue.change(job.sessionId, 'pending', since)
          if (this.selected?.sessionId === job.sessionId) this.#select(undefined, false)
          break
        case 'complete':
          await call('POST', `${path}/complete`)
          if (this.selected?.sessionId === job.sessionId) this.#select(undefined, false)
          this.#queue.change(job.sessionId, 'completed', since)
          this.#notify(say('shop.completed', { code: job.pickupCode }))
          break
        case 'paid':
        case 'unpaid': {
          // What was shown is what was paid: more may have come since.
          const shown = verb === 'paid' && job.price?.isComplete ? { amount: job.price.amount } : undefined
          const { session } = await call<{ session: JobDetails }>(verb === 'paid' ? 'POST' : 'DELETE', `${path}/paid`, shown)
          this.#queue.amend(job.sessionId, { paidAt: session.paidAt, paidAmount: session.paidAmount }, since)
          break
        }
      }
    } catch (failure) {
      await this.#fail(job, failure)
    } finally {
      this.busy = new Set([...this.busy].filter((session) => session !== job.sessionId))
    }
  }

  /** Another counter was faster, or the customer has withdrawn: the list is put right along with the message. */
  async #fail(job: Job, failure: unknown): Promise<void> {
    if (failure instanceof Problem && failure.status === 401) return
    this.#notify(explain(failure), true)
    if (!(failure instanceof Problem) || ![404, 409, 410].includes(failure.status)) return
    const since = this.#queue.now
    try {
      const { session } = await call<{ session: JobDetails }>('GET', `/sessions/${job.sessionId}`)
      this.#queue.learn(session, since)
      await this.#queue.refreshClaims()
    } catch {
      // What the list shows is then put right by the next event.
    }
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

  #filter(event: InputEvent): void {
    this.search = (event.target as HTMLInputElement).value
  }

  /** A code that the list does not have may be one of a job that ended: the relay knows. */
  async #find(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const [only, ...others] = this.#shown()
    if (only && others.length === 0) {
      this.search = ''
      this.#select(only)
      return
    }
    const code = this.search.trim().replaceAll(' ', '')
    if (only || !code) return
    const since = this.#queue.now
    const choice = ++this.#choice
    try {
      const { session } = await call<{ session: JobDetails }>('GET', `/sessions/${encodeURIComponent(code)}`)
      if (choice !== this.#choice) return
      this.search = ''
      const job = this.#queue.learn(session, since)
      if (job) this.#select(job)
      else this.#notify(`${session.pickupCode}: ${say(`shop.ended.${endOf(session) ?? 'gone'}`)}`)
    } catch (failure) {
      this.#notify(explain(failure), true)
    }
  }

  /** `/` goes to the search, as in many lists; Escape clears it or closes the job. */
  #hotkey(event: KeyboardEvent): void {
    if (this.view !== 'queue' || document.querySelector('dialog[open]')) return
    const field = this.querySelector<HTMLInputElement>('#search')
    const isTyping = event.target instanceof HTMLInputElement
    if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault()
      field?.focus()
    } else if (event.key === 'Escape' && this.search) {
      this.search = ''
    } else if (event.key === 'Escape' && this.selected) {
      this.#select(undefined)
    }
  }

  /** Up and down walk through the list. */
  #walk(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    const row = (event.target as HTMLElement).closest('li.job')
    if (!row) return
    const rows = [...this.querySelectorAll('li.job')]
    const next = rows[rows.indexOf(row) + (event.key === 'ArrowDown' ? 1 : -1)]
    if (!next) return
    event.preventDefault()
    next.querySelector<HTMLElement>('.job-open')?.focus()
  }

  #toggleSound(): void {
    this.#chime.isOn = !this.#chime.isOn || !this.#chime.isAwake
    this.requestUpdate()
  }

  #go(event: MouseEvent, view: View): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    if (view === this.view) return
    history.pushState(null, '', paths[view])
    this.view = view
    this.notices = [] // they would cover what the other view has at its top
  }

  #notify(text: string, isError = false): void {
    const id = ++this.#noticeId
    this.notices = [...this.notices.slice(-2), { id, text, isError }]
    setTimeout(() => this.#dismiss(id), noticeTime)
  }

  #dismiss(id: number): void {
    this.notices = this.notices.filter((notice) => notice.id !== id)
  }
}

const viewOf = (path: string): View => (path.endsWith('/day') ? 'day' : path.endsWith('/settings') ? 'settings' : 'queue')

customElements.define('ct-counter', CtCounter)
