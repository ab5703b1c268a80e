import { html, nothing, type TemplateResult } from 'lit'
import { say } from '../shared/words.ts'
import { size } from '../shared/format.ts'
import { money } from '../shared/money.ts'
import { priceOf, printedPages, type PrintOptions } from '../shared/printing.ts'
import { icon } from './icon.ts'
import { badge, describe, isPhoto, isWanted, pagesOf, type Item } from './item.ts'
import { fields, summary } from './options.ts'
import type { Shop } from './shop.ts'

/** The least that shrinking is offered for: below, there is little to save. */
const worthShrinking = 1 << 20

/** The list, and what can be done with a row of it. */
export interface Rows {
  readonly shop: Shop
  readonly items: readonly Item[]
  /** Whether nothing can be changed now: files are being sent, here or in another tab. */
  readonly isFixed: boolean
  drop(item: Item): void
  setOptions(item: Item, options: PrintOptions): void
  setForAll(item: Item): void
  turn(item: Item): void
  resize(item: Item): void
  /** @param button What was pressed, which may be gone afterwards, with the focus. */
  join(front: Item, back: Item, button: HTMLElement): void
}

/** A file on the list: what it is, how far it is, and what the customer wants done with it. */
export function row(rows: Rows, item: Item): TemplateResult {
  const { offer } = rows.shop
  const price = item.state === 'refused' ? null : priceOf(item.options, pagesOf(item), offer)
  return html`
    <li class="file ${item.state}">
      <div class="thumb" aria-hidden="true">
        ${thumbnail(item)}
      </div>
      <div class="about">
        <span class="name"><bdi>${item.name}</bdi></span>
        <small>${item.state === 'examining' ? say('customer.examining') : describe(item)}${price === null ? nothing : html` · <b>${money(price, offer.currency)}</b>`}</small>
        ${item.error ? html`<p class="problem">${item.error}</p>` : nothing}
        ${item.locked ? html`<p class="problem">${say('customer.locked')}</p>` : nothing}
        ${isWanted(item) && isEmpty(item) ? html`<p class="problem">${say('customer.noPages')}</p>` : nothing}
        ${item.hint ? html`<p class="note">${item.hint}</p>` : nothing}
        ${item.hadPlace && item.state !== 'refused' ? html`<p class="good">${say('customer.placeRemoved')}</p>` : nothing}
        ${/hei[cf]/.test(item.type) ? html`<p class="note">${say('customer.heic')}</p>` : nothing}
        ${item.small ? html`<p class="good">${say('customer.saved', { size: size(item.whole!.size - item.small.size) })}</p>` : nothing}
        ${stateOf(item)}
      </div>
      ${rows.isFixed || item.state === 'done'
        ? nothing
        : html`<button type="button" class="remove" aria-label=${say('customer.remove', { name: item.name })} @click=${() => rows.drop(item)}>${icon('M6 6l12 12M18 6 6 18')}</button>`}
      ${!rows.isFixed && isChangeable(item) ? settings(rows, item) : nothing}
    </li>`
}

function thumbnail(item: Item): TemplateResult | typeof nothing {
  if (item.picture) return html`<img src=${item.picture} alt="" class="turn-${item.turns}">`
  if (item.state === 'examining') return nothing
  if (item.state === 'refused') return icon('M14 3H6v18h12V7zv4h4M9.5 12l5 5m0-5-5 5')
  const word = badge(item)
  return word ? html`<span>${word}</span>` : icon('M14 3H6v18h12V7zv4h4M9 12h6m-6 4h6')
}

function stateOf(item: Item): TemplateResult | typeof nothing {
  switch (item.state) {
    case 'waiting':
      return html`<p class="note">${say('customer.state.waiting')}</p>`
    case 'sending':
    case 'retrying':
    case 'busy': {
      const percent = Math.floor((100 * item.sent) / item.size)
      return html`<progress max="100" .value=${percent} aria-label=${say('customer.progress', { name: item.name })}>${percent} %</progress>
        ${item.state === 'sending' ? nothing : html`<p class="problem">${say(`customer.state.${item.state}`)}</p>`}`
    }
    case 'done':
      return html`<p class="good">${say('customer.state.done')}</p>`
    case 'lost':
      return html`<p class="problem">${say('customer.state.lost')}</p>`
    default:
      return nothing
  }
}

function settings(rows: Rows, item: Item): TemplateResult {
  const others = rows.items.filter(isWanted).length > 1
  const back = isDrawable(item) ? rows.items.slice(rows.items.indexOf(item) + 1).find(isDrawable) : undefined
  return html`
    <details class="settings">
      <summary><span class="visually-hidden">${say('customer.optionsOf', { name: item.name })}</span> ${summary(item.options)}</summary>
      ${fields(item.id, item.options, rows.shop.offer, !item.type.startsWith('image/'), pagesOf(item), (options) => rows.setOptions(item, options))}
      <div class="actions">
        ${isPhoto(item) && item.whole
          ? html`<button type="button" class="small" @click=${() => rows.turn(item)}>${icon('M20 11a8 8 0 1 0-2.3 6M20 4v7h-7')} ${say('customer.turn')}</button>
              ${item.small || item.whole.size >= worthShrinking
                ? html`<button type="button" class="small" aria-pressed=${item.small ? 'true' : 'false'} @click=${() => rows.resize(item)}>${say('customer.shrink')}</button>`
                : nothing}`
          : nothing}
        ${back
          ? html`<button type="button" class="small" @click=${(event: Event) => rows.join(item, back, event.currentTarget as HTMLElement)}>
              ${icon('M6 3h12v18H6zM9 6h6v4H9zm0 8h6v4H9z')} <span>${say('customer.card')} <small>+ <bdi>${back.name}</bdi></small></span>
            </button>`
          : nothing}
        ${others ? html`<button type="button" class="small" @click=${() => rows.setForAll(item)}>${say('customer.sameForAll')}</button>` : nothing}
      </div>
    </details>`
}

const isChangeable = (item: Item) => !['refused', 'examining', 'lost', 'done'].includes(item.state)

/** A photo that can be drawn anew. */
const isDrawable = (item: Item) => isPhoto(item) && item.whole !== null && isChangeable(item)

/** Whether the range of pages names none that the document has. */
export const isEmpty = (item: Item) => printedPages(item.options, pagesOf(item)) === 0
