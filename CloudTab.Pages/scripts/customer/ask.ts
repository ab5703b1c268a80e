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
