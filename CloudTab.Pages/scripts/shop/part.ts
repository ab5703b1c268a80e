import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit'
import { Problem } from './api.ts'
import { CtElement } from './element.ts'
import { explain, Notice } from './notices.ts'

/** A part of the page that shows what the relay has, under the names of its own properties, and changes it. */
export abstract class CtPart extends CtElement {
  static override properties: PropertyDeclarations = { problem: { state: true }, isBusy: { state: true } }

  declare protected problem: string | undefined
  declare protected isBusy: boolean

  #loads = 0

  override connectedCallback(): void {
    super.connectedCallback()
    void this.load()
  }

  /** Asks the relay for what is shown: values of this element's properties. */
  protected abstract fetch(): Promise<object>

  /** Shows what the relay has now, or why it cannot be told. */
  protected async load(): Promise<void> {
    const load = ++this.#loads // a later one's answer is newer, though it may come first
    try {
      const answer = await this.fetch()
      if (load === this.#loads) Object.assign(this, answer, { problem: undefined })
    } catch (failure) {
      if (load === this.#loads) this.problem = this.explain(failure)
    }
  }

  /** Why something cannot be shown, in words for people. */
  protected explain(failure: unknown): string {
    return explain(failure)
  }

  /**
   * Makes a change. A failure is a notice: what is shown stays. If somebody else has changed the same meanwhile, theirs is shown; fields that only this
   * person has filled in keep what is in them, because lit leaves alone what it would draw as before.
   */
  protected async change(make: () => Promise<unknown>): Promise<void> {
    if (this.isBusy) return
    this.isBusy = true
    try {
      await make()
    } catch (failure) {
      this.dispatchEvent(new Notice(explain(failure), true))
      if (failure instanceof Problem && failure.status === 412) await this.load()
    } finally {
      this.isBusy = false
    }
  }

  /** Why nothing can be shown, if so. */
  protected trouble(): TemplateResult | typeof nothing {
    return this.problem ? html`<p class="error" role="alert">${this.problem}</p>` : nothing
  }
}
