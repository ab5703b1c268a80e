import { html, nothing, type TemplateResult } from 'lit'
import { say } from '../shared/words.ts'
import { size } from '../shared/format.ts'
import { call } from './api.ts'
import type { LimitsAnswer, OwnLimits } from './contract.ts'
import { formatNumber } from './format.ts'
import { Notice } from './notices.ts'
import { CtPart } from './part.ts'

type Limit = 'files' | 'fileSize' | 'sessionSize' | 'outstanding'

const limits: Limit[] = ['files', 'fileSize', 'sessionSize', 'outstanding']

/** Sizes are entered in these. */
const megabyte = 1 << 20

const unitOf = (limit: Limit): number => (limit === 'files' ? 1 : megabyte)

/** How much customers may send: as much as the relay's operator allows, or less. */
export class CtLimits extends CtPart {
  static override properties = { answer: { state: true } }

  declare private answer: LimitsAnswer | undefined

  protected override render(): TemplateResult {
    return html`
      <section class="sheet" aria-labelledby="limits">
        <h2 id="limits">${say('shop.limits')}</h2>
        <p class="hint">${say('shop.limits.hint')}</p>
        ${this.trouble()}
        ${this.answer
          ? html`<form @submit=${this.#save}>
              <div class="limits">${limits.map((limit) => this.#field(limit, this.answer!))}</div>
              <div class="row"><button aria-disabled=${this.isBusy}>${say('shop.save')}</button></div>
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
          ${say('shop.limits.most', { most: limit === 'files' ? formatNumber(most.files) : size(most[limit]) })}
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
    void this.change(async () => {
      this.answer = await call<LimitsAnswer>('PUT', '/limits', own)
      this.dispatchEvent(new Notice(say('shop.saved')))
    })
  }

  protected override async fetch(): Promise<object> {
    return { answer: await call<LimitsAnswer>('GET', '/limits') }
  }
}

customElements.define('ct-limits', CtLimits)
