import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { language, say } from '../shared/words.ts'
import { call } from './api.ts'
import type { ShopSettings } from './contract.ts'
import './agents.ts'
import './keys.ts'
import './limits.ts'
import { Notice } from './notices.ts'
import './offer.ts'
import { CtPart } from './part.ts'

/** What the shop is called, and whether it is open, as the relay has it now; `ct-counter` shows it. */
export class ShopSeen extends CustomEvent<ShopSettings> {
  constructor(shop: ShopSettings) {
    super('ct-shop', { bubbles: true, detail: shop })
  }
}

/** What the shop sets for itself: whether it is open, what it is called, its prices, limits, keys and print agents. */
export class CtSettings extends CtPart {
  static override properties = { languages: { attribute: false }, shop: { state: true } }

  declare languages: { tag: string; name: string }[]
  declare private shop: ShopSettings | undefined

  protected override updated(changed: PropertyValues): void {
    super.updated(changed)
    if (changed.has('shop') && this.shop) this.dispatchEvent(new ShopSeen(this.shop))
  }

  protected override render(): TemplateResult {
    return html`
      <main class="column">
        <h1>${say('shop.settings')}</h1>
        ${this.trouble()}
        ${this.shop ? html`${this.#opening(this.shop)}<ct-offer></ct-offer><ct-limits></ct-limits><ct-keys></ct-keys><ct-agents></ct-agents>` : nothing}
        <nav class="languages" aria-label=${say('shop.language')}>
          ${this.languages.map(
            ({ tag, name }) =>
              html`<a href="/shop/settings?lang=${tag}" lang=${tag} aria-current=${tag === language ? 'true' : 'false'}>${name}</a>`,
          )}
        </nav>
        <form class="sheet row spread" method="post" action="/shop/sign-out">
          <p>${say('shop.signOutHint')}</p>
          <button>${say('shop.signOut')}</button>
        </form>
      </main>
    `
  }

  #opening(shop: ShopSettings): TemplateResult {
    return html`
      <section class="sheet" aria-labelledby="opening">
        <div class="row spread">
          <div>
            <h2 id="opening">${shop.acceptsUploads ? say('shop.isOpen') : say('shop.isClosed')}</h2>
            <p class="hint">${shop.acceptsUploads ? say('shop.isOpenHint') : say('shop.isClosedHint')}</p>
          </div>
          <button
            class=${shop.acceptsUploads ? '' : 'primary'}
            aria-disabled=${this.isBusy}
            @click=${(event: MouseEvent) => this.#turn(event, !shop.acceptsUploads)}
          >
            ${shop.acceptsUploads ? say('shop.close.shop') : say('shop.open.shop')}
          </button>
        </div>
        <form class="row" @submit=${this.#rename}>
          <div class="field grow">
            <label for="name">${say('shop.name')}</label>
            <input id="name" name="name" required maxlength="200" autocomplete="organization" .value=${shop.name} />
          </div>
          <button aria-disabled=${this.isBusy}>${say('shop.save')}</button>
        </form>
        <div class="row spread address">
          <p>${say('shop.address')}<br /><a href=${shop.customerUrl}>${shop.customerUrl}</a></p>
          <a class="button" href="/shop/poster" target="_blank">${say('shop.poster')}</a>
        </div>
      </section>
    `
  }

  /** The second click of two would undo what the first has done. */
  #turn(event: MouseEvent, acceptsUploads: boolean): void {
    if (event.detail < 2) void this.#change({ acceptsUploads })
  }

  #rename(event: SubmitEvent): void {
    event.preventDefault()
    const name = String(new FormData(event.target as HTMLFormElement).get('name')).trim()
    if (name) void this.#change({ name })
  }

  protected override async fetch(): Promise<object> {
    return { shop: await call<ShopSettings>('GET', '/shop') }
  }

  #change(change: Partial<Pick<ShopSettings, 'acceptsUploads' | 'name'>>): Promise<void> {
    return this.change(async () => {
      this.shop = await call<ShopSettings>('PATCH', '/shop', change)
      this.dispatchEvent(new Notice(say('shop.saved')))
    })
  }
}

customElements.define('ct-settings', CtSettings)
