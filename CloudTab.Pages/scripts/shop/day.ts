import { html, LitElement, nothing, type TemplateResult } from 'lit'
import { count, say } from '../shared/words.ts'
import { call } from './api.ts'
import type { DaySheet } from './contract.ts'
import { formatMoney, locale } from './format.ts'
import { icons } from './icons.ts'
import { explain } from './notices.ts'

/** What a day brought: jobs, pages and money, and nobody's name. Days are those of the clock on the shop's wall. */
export class CtDay extends LitElement {
  static override properties = { date: { state: true }, sheet: { state: true }, problem: { state: true } }

  declare private date: string
  declare private sheet: DaySheet | undefined
  declare private problem: string | undefined

  readonly #timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone
  readonly #today = isoDate(new Date())

  constructor() {
    super()
    this.date = this.#today
  }

  protected override createRenderRoot(): this {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    void this.#load()
  }

  protected override render(): TemplateResult {
    return html`
      <main class="column">
        <div class="row spread">
          <h1>${say('shop.day')}</h1>
          <div class="row">
            <button aria-label=${say('shop.day.before')} @click=${() => this.#move(-1)}>${icons.back}</button>
            <input type="date" aria-label=${say('shop.day.date')} max=${this.#today} .value=${this.date} @change=${this.#choose} />
            <button class="forward" aria-label=${say('shop.day.after')} ?disabled=${this.date >= this.#today} @click=${() => this.#move(1)}>
              ${icons.back}
            </button>
            <a class="button" href=${this.#address('&format=csv')} download="${this.date}.csv"
              >${icons.download}<span>${say('shop.day.csv')}</span></a
            >
          </div>
        </div>
        <p class="day-name">${new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeZone: 'UTC' }).format(new Date(this.date))}</p>
        ${this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing}
        ${this.sheet ? this.#figures(this.sheet) : nothing}
      </main>
    `
  }

  #figures(sheet: DaySheet): TemplateResult {
    const number = new Intl.NumberFormat(locale)
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
        ${figure(say('shop.day.jobs'), number.format(sheet.jobs))} ${figure(say('shop.day.pages'), number.format(sheet.pages))}
        ${figure(say('shop.day.paid'), formatMoney(sheet.paid, sheet.currency))}
        ${figure(say('common.colorMode.monochrome'), number.format(sheet.monochrome))}
        ${figure(say('common.colorMode.color'), number.format(sheet.color))}
        ${figure(say('shop.day.unpaid'), formatMoney(sheet.unpaid, sheet.currency))}
      </dl>
      ${sheet.jobs === 0 ? html`<p class="hint">${say('shop.day.none')}</p>` : nothing}
      ${notes.map((note) => html`<p class="hint">${note}</p>`)}
    `
  }

  #address(more = ''): string {
    return `/api/shopkeeper/days/${this.date}?timeZone=${encodeURIComponent(this.#timeZone)}${more}`
  }

  #choose(event: Event): void {
    const { value } = event.target as HTMLInputElement
    if (!value || value > this.#today) return
    this.date = value
    void this.#load()
  }

  #move(days: number): void {
    const date = new Date(`${this.date}T12:00`)
    date.setDate(date.getDate() + days)
    this.date = isoDate(date)
    void this.#load()
  }

  async #load(): Promise<void> {
    const { date } = this
    try {
      const sheet = await call<DaySheet>('GET', this.#address().replace('/api/shopkeeper', ''))
      if (date !== this.date) return
      this.sheet = sheet
      this.problem = undefined
    } catch (failure) {
      this.problem = explain(failure)
    }
  }
}

/** The day on this machine's clock, not UTC's: `2026-11-29`. */
function isoDate(date: Date): string {
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-')
}

customElements.define('ct-day', CtDay)
