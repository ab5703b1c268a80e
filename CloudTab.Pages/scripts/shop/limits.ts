import { html, LitElement, nothing, type TemplateResult } from 'lit'
import { say } from '../shared/words.ts'
import { call } from './api.ts'
import type { LimitsAnswer, OwnLimits } from './contract.ts'
import { formatNumber, formatSize } from './format.ts'
import { explain, Notice } from './notices.ts'

type Limit = 'files' | 'fileSize' | 'sessionSize' | 'outstanding'

const limits: Limit[] = ['files', 'fileSize', 'sessionSize', 'outstanding']

/** Sizes are entered in these. */
const megabyte = 1 << 20

const unitOf = (limit: Limit): number => (limit === 'files' ? 1 : megabyte)

/** How much customers may send: as much as the relay's operator allows, or less. */
export class CtLimits extends LitElement {
  static override properties = { answer: { state: true }, problem: { state: true }, isBusy: { state: true } }

  declare private answer: LimitsAnswer | undefined
  declare private problem: string | undefined
  declare private isBusy: boolean

  protected override createRenderRoot(): this {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    void this.#load()
  }

  protected override render(): TemplateResult {
    return html`
      <section class="sheet" aria-labelledby="limits">
        <h2 id="limits">${say('shop.limits')}</h2>
        <p class="hint">${say('shop.limits.hint')}</p>
        ${this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing}
        ${this.answer
          ? html`<form @submit=${this.#save}>
              <div class="limits">${limits.map((limit) => this.#field(limit, this.answer!))}</div>
              <div class="row"><button ?disabled=${this.isBusy}>${say('shop.save')}</button></div>
            </form>`
          : nothing}
      </section>
    `
  }

  #field(limit: Limit, { limits, most }: LimitsAnswer): TemplateResult {
    const own = limits[limit]
    return html`
      <div class="field">
        <label for="limit-${limit}">${say(`shop.limits.${limit}`)}</label>
        <input
          id="limit-${limit}"
          name=${limit}
          type="number"
          min=${limit === 'files' ? 1 : 0}
          max=${most[limit] / unitOf(limit)}
          step=${limit === 'files' ? 1 : 'any'}
          inputmode="decimal"
          aria-describedby="most-${limit}"
          .value=${own == null ? '' : String(own / unitOf(limit))}
        />
        <p id="most-${limit}" class="hint">
          ${say('shop.limits.most', { most: limit === 'files' ? formatNumber(most.files) : formatSize(most[limit]) })}
        </p>
      </div>
    `
  }

  #save(event: SubmitEvent): void {
    event.preventDefault()
    const form = new FormData(event.target as HTMLFormElement)
    const own = Object.fromEntries(
      limits.map((limit) => {
        const entered = String(form.get(limit))
        return [limit, entered === '' ? null : Math.round(Number(entered) * unitOf(limit))]
      }),
    ) as OwnLimits
    void this.#put(own)
  }

  async #load(): Promise<void> {
    try {
      this.answer = await call<LimitsAnswer>('GET', '/limits')
      this.problem = undefined
    } catch (failure) {
      this.problem = explain(failure)
    }
  }

  async #put(own: OwnLimits): Promise<void> {
    this.isBusy = true
    try {
      this.answer = await call<LimitsAnswer>('PUT', '/limits', own)
      this.dispatchEvent(new Notice(say('shop.saved')))
    } catch (failure) {
      this.dispatchEvent(new Notice(explain(failure), true))
    } finally {
      this.isBusy = false
    }
  }
}

customElements.define('ct-limits', CtLimits)
