import { html, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { find, say } from '../shared/words.ts'
import { Problem } from './api.ts'
import { icons } from './icons.ts'

const noticeTime = 8_000

/** What the page tells its user in passing; `ct-counter` shows it, screen readers say it. */
export class Notice extends CustomEvent<{ text: string; isError: boolean }> {
  constructor(text: string, isError = false) {
    super('ct-notice', { bubbles: true, detail: { text, isError } })
  }
}

interface Shown {
  id: number
  text: string
  isError: boolean
}

/** The notices that are on the page: the last three, each for a while, or until it is closed. */
export class Notices {
  #shown: Shown[] = []
  #lastId = 0

  constructor(private readonly changed: () => void) {}

  add(text: string, isError = false): void {
    const id = ++this.#lastId
    this.#show([...this.#shown.slice(-2), { id, text, isError }])
    setTimeout(() => this.#dismiss(id), noticeTime)
  }

  clear(): void {
    this.#show([])
  }

  render(): TemplateResult {
    return html`
      <div class="notices" role="status">
        ${repeat(
          this.#shown,
          (notice) => notice.id,
          (notice) =>
            html` <p class=${notice.isError ? 'notice is-error' : 'notice'}>
              <span>${notice.text}</span>
              <button class="quiet" aria-label=${say('shop.close')} @click=${() => this.#dismiss(notice.id)}>${icons.close}</button>
            </p>`,
        )}
      </div>
    `
  }

  #dismiss(id: number): void {
    this.#show(this.#shown.filter((notice) => notice.id !== id))
  }

  #show(notices: Shown[]): void {
    this.#shown = notices
    this.changed()
  }
}

/** A failure in words for people. Those of the answer itself are for programs: they name its fields. */
export function explain(failure: unknown): string {
  if (!(failure instanceof Problem)) return say('shop.problem.unknown')
  return find(`shop.problem.${failure.code}`) ?? find(`common.error.${failure.code}`) ?? say('shop.problem.unknown')
}
