import { html, LitElement, nothing, type TemplateResult } from 'lit'
import { language, say } from '../shared/words.ts'
import { call } from './api.ts'
import type { ShopSettings } from './contract.ts'
import './agents.ts'
import './keys.ts'
import './limits.ts'
import { explain, Notice } from './notices.ts'
import './offer.ts'

/** What the shop sets for itself: whether it is open, what it is called, its prices, limits, keys and print agents. */
export class CtSettings extends LitElement {
  static override properties = { languages: { attribute: false }, shop: { state: true }, problem: { state: true }, isBusy: { state: true } }

  declare languages: { tag: string; name: string }[]
  declare private shop: ShopSettings | undefined
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
      <main class="column">
        <h1>${say('shop.settings')}</h1>
        ${this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing}
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
            ?disabled=${this.isBusy}
            @click=${() => void this.#change({ acceptsUploads: !shop.acceptsUploads })}
          >
            ${shop.acceptsUploads ? say('shop.close.shop') : say('shop.open.shop')}
          </button>
        </div>
        <form class="row" @submit=${this.#rename}>
          <div class="field grow">
            <label for="name">${say('shop.name')}</label>
            <input id="name" name="name" required maxlength="200" autocomplete="organization" .value=${shop.name} />
          </div>
          <button ?disabled=${this.isBusy}>${say('shop.save')}</button>
        </form>
        <div class="row spread address">
          <p>${say('shop.address')}<br /><a href=${shop.customerUrl}>${shop.customerUrl}</a></p>
          <a class="button" href="/shop/poster" target="_blank">${say('shop.poster')}</a>
        </div>
      </section>
    `
  }

  #rename(event: SubmitEvent): void {
    event.preventDefault()
    const name = String(new FormData(event.target as HTMLFormElement).get('name')).trim()
    if (name) void this.#change({ name })
  }

  async #load(): Promise<void> {
    try {
      this.shop = await call<ShopSettings>('GET', '/shop')
      this.problem = undefined
    } catch (failure) {
      this.problem = explain(failure)
    }
  }

  async #change(change: Partial<Pick<ShopSettings, 'acceptsUploads' | 'name'>>): Promise<void> {
    this.isBusy = true
    try {
      this.shop = await call<ShopSettings>('PATCH', '/shop', change)
      this.dispatchEvent(new Notice(say('shop.saved')))
    } catch (failure) {
      this.dispatchEvent(new Notice(explain(failure), true))
    } finally {
      this.isBusy = false
    }
  }
}

customElements.define('ct-settings', CtSettings)
