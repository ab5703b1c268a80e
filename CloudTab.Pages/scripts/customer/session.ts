import { count, say } from '../shared/words.ts'
import { ask } from './ask.ts'
import { remember } from './latest.ts'

const pollEvery = 5_000
const longestPause = 60_000

/**
 * Keeps a session's page as the server would show it now: at each event the page is fetched again, and what has changed in it is put in its place.
 * So there is one way to show a session, with script or without.
 */
class Session extends HTMLElement {
  private readonly stopped = new AbortController()
  private events: EventSource | null = null
  private timer: ReturnType<typeof setTimeout> | null = null
  private failures = 0
  /** Streams in a row that the server has refused. */
  private refusals = 0
  /** When a stream may be asked for again, on the clock of `performance.now`. */
  private listenFrom = 0
  private updating: Promise<void> | null = null
  private isStale = false
  /** Whether a part was left as it is because somebody is at one of its fields. */
  private isBehind = false
  /** What the server's clock is ahead of the phone's, which may be wrong by hours. */
  private clockOffset = 0

  connectedCallback() {
    this.remember()
    if (!this.isLive) return
    this.setClock(this.dataset['now'])
    closeDetails(this)
    this.listen()
    const { signal } = this.stopped
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.update(), { signal })
    addEventListener('online', () => void this.update(), { signal })
    this.addEventListener('focusout', () => this.isBehind && void this.update(), { signal })
    this.addEventListener('submit', this.submitted, { signal })
    this.addEventListener('click', this.share, { signal })
    setInterval(() => this.countDown(), 1_000)
    this.countDown()
    for (const button of this.querySelectorAll<HTMLElement>('[data-share]')) button.hidden = !('share' in navigator)
  }

  /** Whether anything can still change. */
  private get isLive() {
    return this.dataset['live'] === 'true'
  }

  disconnectedCallback() {
    this.stop()
    this.stopped.abort()
  }

  /** Server-sent events; while they cannot be had, the page is asked for now and then, and the events too. */
  private listen() {
    this.events = new EventSource(this.dataset['events']!)
    const heard = () => {
      this.failures = 0
      this.connected(true)
      void this.update()
    }
    for (const name of ['status', 'queue', 'deleted']) this.events.addEventListener(name, heard)
    this.events.addEventListener('open', () => {
      this.refusals = 0
      this.connected(true)
    })
    this.events.addEventListener('error', () => {
      void this.update()
      // CLOSED: the answer was no stream, and the browser will not try again.
      if (this.events?.readyState === EventSource.CLOSED) this.poll()
    })
  }

  private poll() {
    this.events?.close()
    this.events = null
    this.listenFrom = performance.now() + pauseAfter(++this.refusals)
    this.updateLater()
  }

  /** After a failure, and without events again and again. */
  private updateLater() {
    this.timer ??= setTimeout(async () => {
      this.timer = null
      await this.update()
      if (!this.isLive || this.events) return
      if (this.failures === 0 && performance.now() >= this.listenFrom) this.listen()
      else this.updateLater()
    }, pauseAfter(this.failures))
  }

  private stop() {
    this.events?.close()
    if (this.timer !== null) clearTimeout(this.timer)
  }

  private update(): Promise<void> {
    this.isStale = true
    this.updating ??= this.refresh().finally(() => (this.updating = null))
    return this.updating
  }

  private async refresh() {
    while (this.isStale) {
      this.isStale = false
      const answer = await ask(location.pathname, { headers: { Accept: 'text/html' } })
      if (answer?.status === 404) return location.reload()
      if (!answer?.ok) return this.fail()
      this.failures = 0
      this.connected(true)
      this.show(new DOMParser().parseFromString(answer.text, 'text/html'))
    }
  }

  private fail() {
    this.failures++
    this.connected(false)
    if (this.isConnected) this.updateLater()
  }

  /** Only what differs is replaced: screen readers read that, and what is open stays open. */
  private show(page: Document) {
    document.title = page.title
    const fresh = page.querySelector<HTMLElement>('ct-session')
    if (!fresh) return location.reload()
    this.isBehind = false
    closeDetails(fresh)
    for (const part of fresh.querySelectorAll<HTMLElement>('[data-part]')) {
      const shown = this.querySelector<HTMLElement>(`[data-part="${part.dataset['part']}"]`)
      if (!shown || withoutState(shown) === withoutState(part)) continue
      // A phone would close its keyboard. What can no more be changed, because the shop has claimed it, goes at once.
      const field = shown.contains(document.activeElement) && document.activeElement?.matches(fields) ? document.activeElement : null
      if (field && part.querySelector(`#${CSS.escape(field.id)}`)) this.isBehind = true
      else replace(shown, part)
    }
    this.dataset['live'] = fresh.dataset['live']
    this.setClock(fresh.dataset['now'])
    for (const button of this.querySelectorAll<HTMLElement>('[data-share]')) button.hidden = !('share' in navigator)
    if (!this.isLive) this.stop()
    this.remember()
    this.countDown()
  }

  /** One that has ended shows no code. */
  private remember() {
    remember(location.pathname, this.querySelector('.code')?.textContent?.trim() ?? null)
  }

  private connected(isConnected: boolean) {
    const line = this.querySelector<HTMLElement>('.offline')
    if (line) line.hidden = isConnected
  }

  private setClock(now = '') {
    this.dataset['now'] = now
    this.clockOffset = Date.parse(now) - Date.now()
  }

  /** What the server's page says in minutes, to the second. */
  private countDown() {
    for (const time of this.querySelectorAll<HTMLTimeElement>('time[data-countdown]')) {
      const seconds = Math.max(0, Math.floor((Date.parse(time.dateTime) - Date.now() - this.clockOffset) / 1000))
      const minutes = Math.floor(seconds / 60)
      const text = minutes >= 60 ? count('common.minutes', minutes) : say('common.countdown', { time: `${minutes}:${String(seconds % 60).padStart(2, '0')}` })
      if (time.textContent !== text) time.textContent = text
    }
  }

  /** Forms are sent in place, and asked about first where they say so. */
  private readonly submitted = async (event: SubmitEvent) => {
    const form = event.target as HTMLFormElement
    if (form.method !== 'post') return
    event.preventDefault()
    if (form.dataset['confirm'] && !confirm(form.dataset['confirm'])) return
    const answer = await ask(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form, event.submitter) as never) })
    if (!answer) return this.fail()
    const page = new DOMParser().parseFromString(answer.text, 'text/html')
    const details = form.closest('details')
    if (answer.ok && details) {
      details.open = false
      details.querySelector('summary')?.focus()
    }
    if (answer.ok) {
      form.reset()
      return this.show(page)
    }

    alert(page.querySelector('[role=alert]')?.textContent?.trim() ?? say('common.error.internal_error'))
    void this.update()
  }

  private readonly share = (event: Event) => {
    const button = (event.target as HTMLElement).closest<HTMLElement>('[data-share]')
    if (button) void navigator.share({ title: document.title, url: location.href }).catch(() => {})
  }
}

/** By chance half as long to one and a half times: when the relay fails it fails for all at the same moment. */
const pauseAfter = (failures: number) => Math.min(longestPause, pollEvery * 2 ** Math.max(0, failures - 1)) * (0.5 + Math.random())

const fields = 'input, select'
const focusable = 'h1, a[href], button:not([hidden]), input, select, summary'

/** Some are open for those without script, at whom the page would close them whenever it loads itself again. */
function closeDetails(page: HTMLElement) {
  for (const details of page.querySelectorAll('details')) details.open = false
}

type Field = HTMLInputElement | HTMLSelectElement

const isChanged = (field: Field) =>
  'options' in field ? [...field.options].some((option) => option.selected !== option.defaultSelected) : field.value !== field.defaultValue

/**
 * Puts a part's new content in its place. What is open stays open, what has been changed and not yet saved stays so, and the focus stays where it
 * was, or nearest to it.
 */
function replace(shown: HTMLElement, fresh: HTMLElement) {
  const focused = [...shown.querySelectorAll(focusable)].findIndex((one) => one === document.activeElement)
  for (const { id } of shown.querySelectorAll('details[open]')) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute('open', '')
  const unsaved = [...shown.querySelectorAll<Field>(fields)].filter(isChanged)
  shown.innerHTML = fresh.innerHTML
  for (const { id, value } of unsaved) {
    const field = shown.querySelector<Field>(`#${CSS.escape(id)}`)
    if (field) field.value = value
  }

  if (focused < 0) return
  const all = [...shown.querySelectorAll<HTMLElement>(focusable)]
  // If nothing is left: what has become of it all.
  const nearest = all[Math.min(focused, all.length - 1)] ?? document.querySelector<HTMLElement>('ct-session h1')!
  if (nearest.matches('h1')) nearest.tabIndex = -1
  ;(nearest.closest('details:not([open])')?.querySelector('summary') ?? nearest).focus()
}

/** A part's markup, without what script has changed in it. */
function withoutState(part: HTMLElement): string {
  const copy = part.cloneNode(true) as HTMLElement
  for (const time of copy.querySelectorAll('time[data-countdown]')) time.textContent = ''
  for (const details of copy.querySelectorAll('details')) details.removeAttribute('open')
  for (const heading of copy.querySelectorAll('h1')) heading.removeAttribute('tabindex')
  for (const hidden of copy.querySelectorAll<HTMLElement>('[data-share]')) hidden.removeAttribute('hidden')
  return copy.innerHTML
}

customElements.define('ct-session', Session)
