/** A connection on which nothing moves for so long is dead, whatever the browser thinks: networks change. */
export const longestStall = 20_000

/** An answer that has been read to its end. */
export interface Answer {
  ok: boolean
  status: number
  headers: Headers
  text: string
}

/**
 * Asks the server. Null: there was no answer, or no end of it, within the longest stall or before the signal: a browser alone would wait for
 * minutes. (AbortSignal.any, which could join the two, is too new for many phones.)
 */
export async function ask(address: string, init: RequestInit = {}, signal?: AbortSignal): Promise<Answer | null> {
  const limit = new AbortController()
  const giveUp = () => limit.abort()
  const timer = setTimeout(giveUp, longestStall)
  signal?.addEventListener('abort', giveUp)
  try {
    const answer = await fetch(address, { ...init, signal: limit.signal })
    return { ok: answer.ok, status: answer.status, headers: answer.headers, text: await answer.text() }
  } catch {
    return null
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}

/** The JSON of an answer, or null if it has none. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A day: setTimeout takes no more than 24 of them, and fires at once if it is given more. */
const longestAsked = 86_400_000

/**
 * The pause that an answer asks for, in milliseconds: RFC 9110, 10.2.3, as seconds or as a date, which counts from the answer's own: the phone's clock may
 * be wrong. 0 if it asks for none, or nobody can read it.
 */
export function askedPause(header: (name: string) => string | null | undefined): number {
  const asked = header('Retry-After')?.trim() ?? ''
  const pause = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - (Date.parse(header('Date') ?? '') || Date.now())
  return Math.min(longestAsked, Math.max(0, pause || 0))
}
