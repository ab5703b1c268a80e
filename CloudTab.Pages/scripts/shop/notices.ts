import { find, say } from '../shared/words.ts'
import { Problem } from './api.ts'

/** What the page tells its user in passing; `ct-counter` shows it, screen readers say it. */
export class Notice extends CustomEvent<{ text: string; isError: boolean }> {
  constructor(text: string, isError = false) {
    super('ct-notice', { bubbles: true, detail: { text, isError } })
  }
}

/** A failure in words for people. Those of the answer itself are for programs: they name its fields. */
export function explain(failure: unknown): string {
  if (!(failure instanceof Problem)) return say('shop.problem.unknown')
  return find(`shop.problem.${failure.code}`) ?? find(`common.error.${failure.code}`) ?? say('shop.problem.unknown')
}
