import { find, say } from '../shared/words.ts'
import { Problem } from './api.ts'

/** What the page tells its user in passing; `ct-counter` shows it, screen readers say it. */
export class Notice extends CustomEvent<{ text: string; isError: boolean }> {
  constructor(text: string, isError = false) {
    super('ct-notice', { bubbles: true, detail: { text, isError } })
  }
}

/** A failure in the page's language where it has words for it, else in the relay's own. */
export function explain(failure: unknown): string {
  if (!(failure instanceof Problem)) return say('shop.problem.unknown')
  return find(`shop.problem.${failure.code}`) ?? find(`common.error.${failure.code}`) ?? (failure.message || say('shop.problem.unknown'))
}
