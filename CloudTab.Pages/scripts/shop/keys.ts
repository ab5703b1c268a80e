import { html, nothing, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { say } from '../shared/words.ts'
import { call } from './api.ts'
import { locale } from './format.ts'
import type { ShopKey } from './contract.ts'
import { Notice } from './notices.ts'
import { CtPart } from './part.ts'
import { ask } from './question.ts'

/** The shop's keys: one for each counter or program, so that one can be taken back without the others. */
export class CtKeys extends CtPart {
  static override properties = {
    keys: { state: true },
    added: { state: true },
  }

  declare private keys: ShopKey[] | undefined

  /** The key that was just made; nobody can show it again. */
  declare private added: { name: string; key: string } | undefined

  readonly #times = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' })

  protected override render(): TemplateResult {
    return html`
      <section class="sheet" aria-labelledby="keys">
        <h2 id="keys">${say('shop.keys')}</h2>
        <p class="hint">${say('shop.keys.hint')}</p>
        ${this.trouble()}
        ${this.added
          ? html` <div class="key-shown" role="status">
              <p>${say('shop.keys.added', { name: this.added.name })}</p>
              <code>${this.added.key}</code>
              <div class="row">
                ${'clipboard' in navigator ? html`<button @click=${() => void this.#copy(this.added!.key)}>${say('shop.copy')}</button>` : nothing}
                <button @click=${() => (this.added = undefined)}>${say('shop.keys.noted')}</button>
              </div>
            </div>`
          : nothing}
        ${this.keys ? this.#table(this.keys) : nothing}
        <form class="row" @submit=${this.#add}>
          <div class="field grow">
            <label for="key-name">${say('shop.keys.name')}</label>
            <input id="key-name" name="name" required maxlength="100" autocomplete="off" placeholder=${say('shop.keys.nameHint')} />
          </div>
          <label class="check"><input type="checkbox" name="device" /> ${say('shop.keys.forDevice')}</label>
          <button aria-disabled=${this.isBusy}>${say('shop.keys.add')}</button>
        </form>
      </section>
    `
  }

  #table(keys: ShopKey[]): TemplateResult {
    return html`
      <div class="table-room" tabindex="0" role="group" aria-label=${say('shop.keys')}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">${say('shop.keys.nameColumn')}</th>
              <th class="key-prefix" scope="col">${say('shop.keys.prefix')}</th>
              <th scope="col">${say('shop.keys.lastUsed')}</th>
              <td></td>
            </tr>
          </thead>
          <tbody>
            ${repeat(
              keys,
              (key) => key.id,
              (key) =>
                html` <tr class=${key.revokedAt ? 'is-revoked' : ''}>
                  <th scope="row">
                    ${key.name} ${key.current ? html`<span class="chip is-good">${say('shop.keys.current')}</span>` : nothing}
                    ${key.device ? html`<span class="chip">${say('shop.keys.device')}</span>` : nothing}
                  </th>
                  <td class="key-prefix"><code>${key.prefix}…</code></td>
                  <td>
                    ${key.lastUsedAt
                      ? html`<time datetime=${key.lastUsedAt}>${this.#times.format(new Date(key.lastUsedAt))}</time>`
                      : say('shop.keys.never')}
                  </td>
                  <td class="number">
                    ${key.revokedAt
                      ? html`<span class="hint">${say('shop.keys.revoked')}</span>`
                      : html`<button
                          class="danger"
                          aria-label=${say('shop.keys.revokeName', { name: key.name })}
                          @click=${() => void this.#revoke(key)}
                        >
                          ${say('shop.keys.revoke')}
                        </button>`}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    `
  }

  #add(event: SubmitEvent): void {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    void this.change(async () => {
      const fields = new FormData(form)
      const name = String(fields.get('name')).trim()
      const { key } = await call<{ key: string }>('POST', '/keys', { name, device: fields.has('device') })
      this.added = { name, key }
      form.reset()
      await this.load()
    })
  }

  async #revoke(key: ShopKey): Promise<void> {
    const { name } = key
    const title = say('shop.keys.revokeQuestion', { name })
    if ((await ask({ title, text: say('shop.keys.revokeWarning'), yes: say('shop.keys.revoke'), isDangerous: true })) === undefined) return
    await this.change(async () => {
      await call('DELETE', `/keys/${key.id}`)
      this.dispatchEvent(new Notice(say('shop.keys.revokedNow', { name })))
      await this.load()
    })
  }

  async #copy(key: string): Promise<void> {
    await navigator.clipboard.writeText(key)
    this.dispatchEvent(new Notice(say('shop.copied')))
  }

  protected override async fetch(): Promise<object> {
    return call<{ keys: ShopKey[] }>('GET', '/keys')
  }
}

customElements.define('ct-keys', CtKeys)
