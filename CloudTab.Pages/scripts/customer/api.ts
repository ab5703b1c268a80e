import type { CustomerSchemas } from '../shared/contract.ts'
import { find, say } from '../shared/words.ts'
import { ask, askedPause, readJson } from './ask.ts'
import { pause } from './pause.ts'

/** An answer of the server that trying again would not change. */
export class Refused extends Error {
  constructor(readonly code: string, message: string) {
    super(message)
  }
}

export const shopClosed = 'shop_closed'

/** The shop does not print it as was chosen: what it offers has changed since the page was opened. */
export const notOffered = 'invalid_print_options'

/** The time of a session is up, and its files are deleted. */
export const isOver = (code = '') => code === 'session_closed' || code === 'session_not_found'

export type Problem = CustomerSchemas['ProblemDetails']

export const wordsFor = ({ code, detail }: Problem) => find(`common.error.${code}`) ?? detail ?? say('common.error.internal_error')

/**
 * A call that is repeated until it is answered, or until the signal, which it throws the reason of.
 * @param heard Is told of each try whether there was an answer.
 */
export async function call<Answer = unknown>(method: string, address: string, json?: unknown, signal?: AbortSignal, heard?: (isAnswered: boolean) => void): Promise<Answer> {
  for (let failures = 0; ; failures++) {
    signal?.throwIfAborted()
    const content = json === undefined ? {} : { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } }
    const answer = await ask(address, { method, ...content }, signal)
    heard?.(answer !== null)
    if (answer?.ok) return answer.status === 204 ? (undefined as Answer) : JSON.parse(answer.text)
    const problem = (readJson(answer?.text ?? '') ?? {}) as Problem
    if (answer && !isPassing(answer.status, problem.code)) throw new Refused(problem.code ?? '', wordsFor(problem))
    await pause(failures, askedPause((name) => answer?.headers.get(name)), signal)
  }
}

/** What has become of a session: `completed`, `expired`; null if nobody knows it any more, or the signal came before an answer. */
export async function statusOf(prefix: string, sessionId: string, signal: AbortSignal, heard: (isAnswered: boolean) => void): Promise<string | null> {
  try {
    return (await call<CustomerSchemas['StatusAnswer']>('GET', `${prefix}/api/customer/sessions/${sessionId}/status`, undefined, signal, heard)).session.status
  } catch {
    return null
  }
}

/** A conflict passes (the server is at another offset), a closed shop does not. */
export const isPassing = (status: number, code = '') => [0, 408, 409, 423, 429, 500, 502, 503, 504].includes(status) && code !== shopClosed
