import { html, nothing, type TemplateResult } from 'lit'
import { find, say } from '../shared/words.ts'
import { call } from './api.ts'
import type { Agent } from './contract.ts'
import { CtElement } from './element.ts'
import { formatAge, troubleOf } from './format.ts'

const lookEvery = 30_000

/** The shop's print agents, what they print by themselves and what their printers say; nothing while it has none. */
export class CtAgents extends CtElement {
  static override properties = { agents: { state: true } }

  declare private agents: Agent[]

  #timer = 0

  override connectedCallback(): void {
    super.connectedCallback()
    this.agents = []
    void this.#load()
    this.#timer = setInterval(() => void this.#load(), lookEvery)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearInterval(this.#timer)
  }

  protected override render(): TemplateResult | typeof nothing {
    if (this.agents.length === 0) return nothing
    return html`
      <section class="sheet" aria-labelledby="agents">
        <h2 id="agents">${say('shop.agents')}</h2>
        ${this.agents.map((agent) => {
          // Of one that prints all jobs there is nothing to say, and a relay of before does not tell.
          const autoPrint = find(`shop.agents.autoPrint.${agent.autoPrint}`)
          return html`
            <h3>
              ${agent.name}
              <span class="chip ${agent.online ? 'is-good' : 'is-bad'}">
                ${agent.online ? say('shop.agents.online') : say('shop.agents.silent', { age: formatAge(agent.seenAt) })}
              </span>
            </h3>
            ${autoPrint ? html`<p class="hint">${autoPrint}</p>` : nothing}
            <ul>
              ${agent.printers.map((printer) => html`<li>${printer.name}: ${troubleOf(printer) ?? say(`shop.printer.${printer.state}`)}</li>`)}
            </ul>
          `
        })}
      </section>
    `
  }

  async #load(): Promise<void> {
    try {
      this.agents = (await call<{ agents: Agent[] }>('GET', '/agents')).agents
    } catch {
      // The last answer stays until there is another one.
    }
  }
}

customElements.define('ct-agents', CtAgents)
