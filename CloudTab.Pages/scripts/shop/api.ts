/** A failure as the relay words it: RFC 9457 with a stable `code`. Without an answer the code is `no_answer` and the status 0. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail)
  }
}

/** Milliseconds for a call. On a dead network nothing would end it for many minutes, and whatever waits for its answer would wait as long. */
const callWithin = 20_000

// Ages and days are told by the relay's clock: that of a shop's PC may be wrong by hours. Milliseconds to add to ours, good to a second or so.
let clockOffset = 0

/** Learns the relay's time, which is now. What is no time is passed over. */
export function learnTime(time: string): void {
  const date = Date.parse(time)
  if (!Number.isNaN(date)) clockOffset = date - Date.now()
}

/** Now, by the relay's clock, in milliseconds since 1970. */
export const now = (): number => Date.now() + clockOffset

/** Called when the relay says that this device is signed in no longer. */
let signedOut: () => void = () => undefined

/** Sets what happens when the session cookie stops being good: its key was revoked, the shop suspended, or a month went by. */
export function onSignedOut(action: () => void): void {
  signedOut = action
}

/** An answer of the shop's API, whatever its body. The session cookie is sent by the browser; a failed one throws a `Problem`. */
export async function request(method: string, path: string, body?: unknown, accept = 'application/json', signal: AbortSignal | null = null): Promise<Response> {
  const headers: Record<string, string> = { accept }
  if (body !== undefined) headers['content-type'] = 'application/json'
  const tag = seen.get(path)
  if (method === 'PUT' && tag) headers['if-match'] = tag
  let response: Response
  try {
    response = await fetch(`/api/shopkeeper${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal })
  } catch {
    throw new Problem(0, 'no_answer', '')
  }
  learnTime(response.headers.get('date') ?? '')
  if (response.ok) return response
  const problem = await readProblem(response)
  if (response.status === 401) signedOut()
  throw problem
}

/** The JSON of an answer of the shop's API; undefined if it has none. One that is not there in time is no answer. */
export async function call<T>(method: string, path: string, body?: unknown, within = callWithin): Promise<T> {
  const response = await request(method, path, body, 'application/json', AbortSignal.timeout(within))
  const tag = response.headers.get('etag')
  if (tag) seen.set(path, tag)
  if (response.status === 204) return undefined as T
  try {
    return (await response.json()) as T
  } catch {
    throw new Problem(0, 'no_answer', '')
  }
}

// What this page has seen last, by address (RFC 9110, ETag). It replaces a setting only if that is still so: another counter may have changed it.
const seen = new Map<string, string>()

async function readProblem(response: Response): Promise<Problem> {
  try {
    const { code, detail } = (await response.json()) as { code?: string; detail?: string }
    return new Problem(response.status, code ?? 'unknown', detail ?? '')
  } catch {
    return new Problem(response.status, 'unknown', '')
  }
}
