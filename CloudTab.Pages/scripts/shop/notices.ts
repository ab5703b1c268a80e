import { find, language, say } from '../shared/words.ts'
import { Problem } from './api.ts'

/** What the page tells its user in passing; `ct-counter` shows it, screen readers say it. */
export class Notice extends CustomEvent<{ text: string; isError: boolean }> {
  constructor(text: string, isError = false) {
    super('ct-notice', { bubbles: true, detail: { text, isError } })
  }
}

/** A failure in the page's language; in English, where the page has no words of its own, as the relay says it, which knows the circumstances. */
export function explain(failure: unknown): string {
  if (!(failure instanceof Problem)) return say('shop.problem.unknown')
  const own = find(`shop.problem.${failure.code}`)
  if (own) return own
  if (language === 'en' && failure.message) return failure.message
  return find(`shop.refused.${failure.code}`) ?? find(`common.error.${failure.code}`) ?? say('shop.problem.unknown')
}
