import { html, nothing, type LitElement, type TemplateResult } from 'lit'
import { say } from '../shared/words.ts'
import { call } from './api.ts'
import type { Job, JobDetails } from './contract.ts'
import { focusFirst, type Places } from './element.ts'
import { icons } from './icons.ts'
import { isLive, isYours } from './job.ts'
import { explain, type Notices } from './notices.ts'
import { endOf, inOrder, type Queue } from './queue.ts'
import { rowOf, section, type RowActs } from './row.ts'

/** The queue on the screen: its list, which can be searched and walked through by keys, and beside it the job that is open. */
export class QueueView {
  /** The job that is open. */
  selected: Job | undefined

  /** Counts what was chosen to be open: an answer that comes late does not take the place of what was chosen since. */
  choice = 0

  #search = ''
  readonly #acts: RowActs

  constructor(
    private readonly host: LitElement,
    private readonly queue: Queue,
    private readonly notices: Notices,
    take: (job: Job) => void,
  ) {
    this.#acts = { open: (job) => this.select(job), take }
  }

  /** @param isBusy Whether nothing can be done with the job that is open. */
  render(minute: number, isBusy: boolean): TemplateResult {
    const shown = this.#shown()
    const yours = shown.filter(isYours)
    const theirs = shown.filter((job) => job.status === 'processing' && !job.claimedByYou)
    const waiting = shown.filter((job) => job.status === 'pending')
    return html`
      <main class=${this.selected ? 'queue has-job' : 'queue'}>
        <h1 class="visually-hidden">${say('shop.queue')}</h1>
        <section class="queue-list" aria-label=${say('shop.queue')}>
          <form class="search" role="search" @submit=${(event: SubmitEvent) => void this.#find(event)}>
            ${icons.search}
            <input
              id="search"
              type="search"
              name="code"
              autocomplete="off"
              autocapitalize="characters"
              spellcheck="false"
              .value=${this.#search}
              placeholder=${say('shop.searchHint')}
              aria-label=${say('shop.search')}
              @input=${(event: InputEvent) => this.#searchFor((event.target as HTMLInputElement).value)}
            />
          </form>
          <div class="scroller" @keydown=${(event: KeyboardEvent) => this.#walk(event)}>
            ${section(say('shop.yours'), yours, this.selected, this.#acts)} ${section(say('shop.waiting'), waiting, this.selected, this.#acts)}
            ${section(say('shop.theirs'), theirs, this.selected, this.#acts)} ${shown.length === 0 ? this.#empty() : nothing}
          </div>
        </section>
        <section class="queue-job" aria-label=${say('shop.job')}>
          ${this.selected
            ? html`<ct-job .job=${this.selected} .minute=${minute} ?busy=${isBusy}></ct-job>`
            : html`<p class="choose">${say('shop.choose')}</p>`}
        </section>
      </main>
    `
  }

  #empty(): TemplateResult {
    return html`<div class="empty">
      <p class="empty-title">${this.#search ? say('shop.nothingFound') : say('shop.noJobs')}</p>
      <p>${this.#search ? say('shop.nothingFoundHint') : say('shop.noJobsHint')}</p>
    </div>`
  }

  /** The jobs that the search leaves, the one that came first on top: it is served first. */
  #shown(): Job[] {
    const wanted = this.#search.trim().toUpperCase()
    const jobs = [...this.queue.jobs.values()].sort(inOrder)
    if (!wanted) return jobs
    return jobs.filter(
      (job) =>
        job.pickupCode.startsWith(wanted.replaceAll(' ', '')) ||
        job.customerName?.toUpperCase().includes(wanted) ||
        String(job.token ?? '') === wanted,
    )
  }

  #searchFor(text: string): void {
    this.#search = text
    this.host.requestUpdate()
  }

  /** A code that the list does not have may be one of a job that ended: the relay knows. */
  async #find(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const [only, ...others] = this.#shown()
    if (only && others.length === 0) {
      this.#searchFor('')
      this.select(only)
      return
    }
    const code = this.#search.trim().replaceAll(' ', '')
    if (only || !code) return
    const since = this.queue.now
    const choice = ++this.choice
    try {
      const { session } = await call<{ session: JobDetails }>('GET', `/sessions/${encodeURIComponent(code)}`)
      if (choice !== this.choice) return
      this.#searchFor('')
      const job = this.queue.learn(session, since)
      if (job) this.select(job)
      else this.notices.add(`${session.pickupCode}: ${say(`shop.ended.${endOf(session) ?? 'gone'}`)}`)
    } catch (failure) {
      this.notices.add(explain(failure), true)
    }
  }

  /** @param isChosen Whether a person has chosen it just now: not if an answer closes the job that it is about. */
  select(job: Job | undefined, isChosen = true): void {
    const before = this.selected
    if (isChosen) this.choice++
    this.selected = job
    if (job && !isLive(job)) this.selected = undefined
    this.host.requestUpdate()
    // On a phone the job takes the list's place: the focus goes along, and comes back.
    void this.host.updateComplete.then(() => {
      if (job) focusFirst(['#job-code'])
      else if (before) focusFirst([rowOf(before.sessionId), '.job-open', '#search'])
    })
  }

  /** A row that goes to another section keeps the focus; that of one that leaves the list goes to its neighbour. */
  beside(focused: HTMLElement): Places {
    const row = focused.closest<HTMLElement>('li.job')
    if (!row) return ['#job-code', '.job-open', '#search']
    const neighbours = [row.nextElementSibling, row.previousElementSibling].map((one) => one?.querySelector<HTMLElement>('.job-open'))
    return [rowOf(row.dataset['session']!), ...neighbours, '.job-open', '#search']
  }

  /** `/` goes to the search, as in many lists; Escape clears it or closes the job. */
  hotkey(event: KeyboardEvent): void {
    if (document.querySelector('dialog[open]')) return
    const field = this.host.querySelector<HTMLInputElement>('#search')
    const isTyping = event.target instanceof HTMLInputElement
    if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault()
      field?.focus()
    } else if (event.key === 'Escape' && this.#search) {
      this.#searchFor('')
    } else if (event.key === 'Escape' && this.selected) {
      this.select(undefined)
    }
  }

  /** Up and down walk through the list. */
  #walk(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    const row = (event.target as HTMLElement).closest('li.job')
    if (!row) return
    const rows = [...this.host.querySelectorAll('li.job')]
    const next = rows[rows.indexOf(row) + (event.key === 'ArrowDown' ? 1 : -1)]
    if (!next) return
    event.preventDefault()
    next.querySelector<HTMLElement>('.job-open')?.focus()
  }
}
