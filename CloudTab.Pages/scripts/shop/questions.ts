import { count, say } from '../shared/words.ts'
import type { Job, JobFile } from './contract.ts'
import type { Handled } from './handled.ts'
import type { Verb } from './job.ts'
import type { Question } from './question.ts'

/** What is asked before something is done with a job; nothing where it can be undone. */
export function questionBefore(verb: Verb, job: Job, files: JobFile[], handled: Handled): Question | undefined {
  const { pickupCode: code, sessionId } = job
  switch (verb) {
    case 'complete': {
      // Those that it was not shown with, because they came just now, are among them.
      const unhandled = Math.max(job.fileCount, files.length) - handled.count(sessionId, files)
      if (unhandled > 0) return { title: say('shop.completeQuestion', { code }), text: count('shop.completeWarning', unhandled), yes: say('shop.completeAnyway') }
      // Once for all files, not after each print: most dialogs are not cancelled, and a shop prints all day.
      if (handled.isUnsure(sessionId, files)) return { title: say('shop.printedQuestion', { code }), text: say('shop.printedWarning'), yes: say('shop.printedAll') }
      return undefined
    }
    case 'release':
      if (!job.printing) return undefined
      return { title: say('shop.giveBackQuestion', { code }), text: say('shop.giveBackWarning'), yes: say('shop.giveBack'), reason: say('shop.giveBackReason') }
    case 'unpaid':
      return unpaidQuestion(code)
    default:
      return undefined
  }
}

/** The button that marks as paid means this as soon as it has: for the second click of two, and when another counter was faster. */
export const unpaidQuestion = (job: string): Question => ({ title: say('shop.unpaidQuestion', { job }), text: say('shop.unpaidWarning'), yes: say('shop.unpaid') })
