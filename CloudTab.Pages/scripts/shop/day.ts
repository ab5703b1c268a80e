import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { money } from '../shared/money.ts'
import { count, say } from '../shared/words.ts'
import { call, now, Problem } from './api.ts'
import type { DaySheet, FinishedJob } from './contract.ts'
import { describePart, formatNumber, locale } from './format.ts'
import { icons } from './icons.ts'
import { CtPart } from './part.ts'
import { ask } from './question.ts'
import { unpaidQuestion } from './questions.ts'

/**
 * What a day brought: jobs, pages and money, and nobody's name. Days are those of the clock on the shop's wall. Whether a job was paid is corrected
 * here once it has left the queue.
 */
export class CtDay extends CtPart {
  static override properties = { minute: { attribute: false }, date: { state: true }, sheet: { state: true }, jobs: { state: true } }

  /** Changes every minute: a page that is left open comes to the next day. */
  declare minute: number

  declare private date: string
  declare private sheet: DaySheet | undefined
  declare private jobs: FinishedJob[]

  /** The day that these are of. */
  private shown = ''

  readonly #timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone

  constructor() {
    super()
    this.date = this.#today
    this.jobs = []
  }

  get #today(): string {
    return isoDate(new Date(now()))
  }

  protected override render(): TemplateResult {
    return html`
      <main class="column">
        <div class="row spread">
          <h1>${say('shop.day')}</h1>
          <div class="row">
            <button aria-label=${say('shop.day.before')} @click=${() => this.#move(-1)}>${icons.back}</button>
            <input type="date" aria-label=${say('shop.day.date')} max=${this.#today} .value=${this.date} @change=${this.#choose} />
            <button class="forward" aria-label=${say('shop.day.after')} aria-disabled=${this.date >= this.#today} @click=${() => this.#move(1)}>
              ${icons.back}
            </button>
            <a class="button" href=${this.#address('&format=csv')} download="${this.date}.csv"
              >${icons.download}<span>${say('shop.day.csv')}</span></a
            >
          </div>
        </div>
        <p class="day-name">${new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeZone: 'UTC' }).format(new Date(this.date))}</p>
        ${this.trouble()}
        ${this.problem && this.shown !== this.date ? nothing : html`${this.sheet ? this.#figures(this.sheet) : nothing} ${this.jobs.length > 0 ? this.#table() : nothing}`}
      </main>
    `
  }

  #figures(sheet: DaySheet): TemplateResult {
    const figure = (label: string, value: string): TemplateResult =>
      html`<div>
        <dt>${label}</dt>
        <dd>${value}</dd>
      </div>`
    const notes = [
      ...(sheet.uncountedFiles > 0 ? [count('shop.day.uncounted', sheet.uncountedFiles)] : []),
      ...(sheet.unpricedJobs > 0 ? [count('shop.day.unpriced', sheet.unpricedJobs)] : []),
    ]
    return html`
      <dl class="figures">
        ${figure(say('shop.day.jobs'), formatNumber(sheet.jobs))} ${figure(say('shop.day.pages'), formatNumber(sheet.pages))}
        ${figure(say('shop.day.paid'), money(sheet.paid, sheet.currency))}
        ${figure(say('common.colorMode.monochrome'), formatNumber(sheet.monochrome))}
        ${figure(say('common.colorMode.color'), formatNumber(sheet.color))}
        ${figure(say('shop.day.unpaid'), money(sheet.unpaid, sheet.currency))}
      </dl>
      ${sheet.jobs === 0 ? html`<p class="hint">${say('shop.day.none')}</p>` : nothing}
      ${notes.map((note) => html`<p class="hint">${note}</p>`)}
    `
  }

  #table(): TemplateResult {
    return html`
      <section class="sheet" aria-labelledby="day-jobs">
        <h2 id="day-jobs">${say('shop.day.list')}</h2>
        <div class="table-room" tabindex="0" role="group" aria-labelledby="day-jobs">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">${say('shop.day.time')}</th>
                <th scope="col">${say('shop.day.token')}</th>
                <th class="day-counter" scope="col">${say('shop.day.counter')}</th>
                <th class="number day-pages" scope="col">${say('shop.day.pages')}</th>
                <th class="number" scope="col">${say('shop.day.amount')}</th>
                <td></td>
              </tr>
            </thead>
            <tbody>
              ${repeat(
                this.jobs,
                (job) => job.id,
                (job) => this.#row(job),
              )}
            </tbody>
          </table>
        </div>
      </section>
    `
  }

  #row(job: FinishedJob): TemplateResult {
    // What the shop told at the counter was paid with the rest, or not at all: the day knows of no part of it.
    const part = job.isPaid ? describePart({ price: { ...job, isComplete: true }, paidAmount: job.paidAmount }) : undefined
    const isPaid = job.isPaid && !part
    const label = isPaid ? say('shop.paid') : say('shop.markPaid')
    const amount = money(job.amount, job.currency)
    return html`
      <tr>
        <th scope="row">${job.time}</th>
        <td>${job.token ?? ''}</td>
        <td class="day-counter"><bdi>${job.counter}</bdi></td>
        <td class="number day-pages">${formatNumber(job.pages)}${job.uncountedFiles > 0 ? '+' : ''}</td>
        <td class="number">${job.isComplete ? amount : job.amount > 0 ? say('shop.price.atLeast', { money: amount }) : '–'}${part ? html`<br /><small class="error">${part}</small>` : nothing}</td>
        <td class="number">
          <button
            class=${isPaid ? 'paid is-paid' : 'paid'}
            aria-pressed=${isPaid ? 'true' : 'false'}
            aria-label=${say('shop.day.ofJob', { label, time: job.time, token: job.token ?? '–' })}
            aria-disabled=${this.isBusy}
            @click=${() => void this.#mark(job, !isPaid)}
          >
            ${icons.check}<span>${label}</span>
          </button>
        </td>
      </tr>
    `
  }

  async #mark(job: FinishedJob, isPaid: boolean): Promise<void> {
    const { time, token } = job
    if (!isPaid && (await ask(unpaidQuestion(token ? `${time} · ${say('shop.token', { token })}` : time))) === undefined) return
    await this.change(async () => {
      await call(isPaid ? 'POST' : 'DELETE', `/days/jobs/${job.id}/paid`)
      await this.load()
    })
  }

  #address(more = '', list = ''): string {
    return `/api/shopkeeper/days/${this.date}${list}?timeZone=${encodeURIComponent(this.#timeZone)}${more}`
  }

  #choose(event: Event): void {
    const { value } = event.target as HTMLInputElement
    if (!value || value > this.#today) return
    this.date = value
    void this.load()
  }

  #move(days: number): void {
    if (days > 0 && this.date >= this.#today) return
    const date = new Date(`${this.date}T12:00`)
    date.setDate(date.getDate() + days)
    this.date = isoDate(date)
    void this.load()
  }

  /** What a date or a zone is that the relay does not know, nobody has entered here. */
  protected override explain(failure: unknown): string {
    return failure instanceof Problem && failure.status === 400 ? say('shop.day.unknown', { zone: this.#timeZone }) : super.explain(failure)
  }

  protected override async fetch(): Promise<object> {
    const shown = this.date
    const [sheet, { jobs }] = await Promise.all([
      call<DaySheet>('GET', this.#address().replace('/api/shopkeeper', '')),
      call<{ jobs: FinishedJob[] }>('GET', this.#address('', '/jobs').replace('/api/shopkeeper', '')),
    ])
    return { sheet, jobs, shown }
  }
}

/** The day on this machine's wall, not UTC's: `2026-11-29`. */
function isoDate(date: Date): string {
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-')
}

customElements.define('ct-day', CtDay)
