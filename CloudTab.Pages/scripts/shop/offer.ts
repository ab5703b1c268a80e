import { html, nothing, type TemplateResult } from 'lit'
import { fractionDigits } from '../shared/money.ts'
import { say } from '../shared/words.ts'
import { call } from './api.ts'
import type { Offer, PrintOptions } from './contract.ts'
import { Notice } from './notices.ts'
import { CtPart } from './part.ts'

const media = ['a4', 'a3', 'letter', 'photo'] as const
const colorModes = ['monochrome', 'color'] as const

/** What the shop prints, for how much a page, and where it can be paid. */
export class CtOffer extends CtPart {
  static override properties = { offer: { state: true } }

  declare private offer: Offer | undefined

  protected override render(): TemplateResult {
    return html`
      <section class="sheet" aria-labelledby="offer">
        <h2 id="offer">${say('shop.prices')}</h2>
        <p class="hint">${say('shop.prices.hint')}</p>
        ${this.trouble()} ${this.offer ? this.#form(this.offer) : nothing}
      </section>
    `
  }

  #form(offer: Offer): TemplateResult {
    return html`
      <form @submit=${this.#save}>
        <table class="table prices">
          <thead>
            <tr>
              <th scope="col">${say('common.media')}</th>
              ${colorModes.map((mode) => html`<th scope="col">${say(`common.colorMode.${mode}`)}, ${offer.currency}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${media.map(
              (paper) =>
                html`<tr>
                  <th scope="row">${say(`common.media.${paper}`)}</th>
                  ${colorModes.map((mode) => this.#cell(offer, paper, mode))}
                </tr>`,
            )}
          </tbody>
        </table>
        <label class="check"><input type="checkbox" name="twoSided" .checked=${offer.twoSided} /> ${say('shop.offersTwoSided')}</label>
        <div class="row">
          <div class="field">
            <label for="currency">${say('shop.currency')}</label>
            <input
              id="currency"
              name="currency"
              required
              maxlength="3"
              pattern="[A-Za-z]{3}"
              size="5"
              autocapitalize="characters"
              autocomplete="off"
              spellcheck="false"
              aria-describedby="currency-hint"
              .value=${offer.currency}
            />
          </div>
          <div class="field grow">
            <label for="upi">${say('shop.upi')}</label>
            <input
              id="upi"
              name="upiAddress"
              autocomplete="off"
              spellcheck="false"
              placeholder=${say('shop.upi.example')}
              aria-describedby="upi-hint"
              .value=${offer.upiAddress ?? ''}
            />
          </div>
          <button aria-disabled=${this.isBusy}>${say('shop.save')}</button>
        </div>
        <p id="currency-hint" class="hint">${say('shop.currency.hint')}</p>
        <p id="upi-hint" class="hint">${say('shop.upi.hint')}</p>
      </form>
    `
  }

  #cell(offer: Offer, paper: PrintOptions['media'], mode: PrintOptions['colorMode']): TemplateResult {
    const listed = offer.prices.find((price) => price.media === paper && price.colorMode === mode)
    const label = `${say(`common.media.${paper}`)}, ${say(`common.colorMode.${mode}`)}`
    const value = listed?.price == null ? '' : String(listed.price / 10 ** fractionDigits(offer.currency))
    return html`<td>
      <span class="price-cell">
        <input
          type="checkbox"
          name="${paper} ${mode}"
          aria-label=${say('shop.offered', { what: label })}
          .checked=${listed !== undefined}
        />
        <input
          type="number"
          name="${paper} ${mode} price"
          min="0"
          step="any"
          inputmode="decimal"
          aria-label=${say('shop.priceOf', { what: label })}
          .value=${value}
          @input=${this.#offerPriced}
        />
      </span>
    </td>`
  }

  /** A price that is entered is meant to be offered. */
  #offerPriced(event: Event): void {
    const input = event.target as HTMLInputElement
    if (input.value) input.parentElement!.querySelector<HTMLInputElement>('input[type=checkbox]')!.checked = true
  }

  #save(event: SubmitEvent): void {
    event.preventDefault()
    const form = new FormData(event.target as HTMLFormElement)
    const currency = String(form.get('currency')).toUpperCase()
    const minor = 10 ** fractionDigits(currency)
    const prices = media.flatMap((paper) =>
      colorModes.flatMap((mode) => {
        if (!form.has(`${paper} ${mode}`)) return []
        const price = String(form.get(`${paper} ${mode} price`))
        return [{ media: paper, colorMode: mode, price: price === '' ? null : Math.round(Number(price) * minor) }]
      }),
    )
    const entered: Offer = { currency, prices, twoSided: form.has('twoSided'), upiAddress: String(form.get('upiAddress')).trim() || null }
    void this.change(async () => {
      this.offer = (await call<{ offer: Offer }>('PUT', '/offer', entered)).offer
      this.dispatchEvent(new Notice(say('shop.saved')))
    })
  }

  protected override async fetch(): Promise<object> {
    return call<{ offer: Offer }>('GET', '/offer')
  }
}

customElements.define('ct-offer', CtOffer)
