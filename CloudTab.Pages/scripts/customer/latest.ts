import { say } from '../shared/words.ts'
import { ask, readJson } from './ask.ts'

/**
 * The way back for somebody who has closed the tab: the session of each shop whose page this browser has shown last, while it lives. It has the same
 * as the address that is in the browser's history, and the code.
 */
interface Latest {
  sessionId: string
  code: string
  /** When it was shown last, in milliseconds since 1970. */
  at: number
}

/** How long the pages of other shops keep it: they do not ask whether the session has ended. */
const remembered = 60 * 60 * 1000

const keyOf = (prefix: string) => `session ${prefix}`

/** A session is shown: at the address of its page, with its code; null: it has ended. */
export function remember(pathname: string, code: string | null): void {
  const [, prefix, sessionId] = /^(.*)\/sessions\/([^/]+)$/.exec(pathname) ?? []
  if (prefix === undefined || sessionId === undefined) return
  if (code !== null) tryTo(() => localStorage.setItem(keyOf(prefix), JSON.stringify({ sessionId, code, at: Date.now() } satisfies Latest)))
  else if (read(prefix)?.sessionId === sessionId) forget(prefix)
}

/** On a shop's form: leads to the session that was sent before, if it has not ended. */
export async function showLatest(): Promise<void> {
  const [, prefix] = /^((?:\/s\/[^/]+)?)\/?$/.exec(location.pathname) ?? []
  forgetOld(prefix === undefined ? null : keyOf(prefix))
  const latest = prefix === undefined ? null : read(prefix)
  if (prefix === undefined || !latest) return
  const answer = await ask(`${prefix}/api/customer/sessions/${latest.sessionId}/status`)
  const status = (readJson(answer?.text ?? '') as { session?: { status?: string } } | null)?.session?.status ?? ''
  // Without an answer it may live.
  if (answer?.status === 404 || ['completed', 'cancelled', 'expired'].includes(status)) return forget(prefix)
  const line = document.createElement('p')
  const link = document.createElement('a')
  Object.assign(link, { href: `${prefix}/sessions/${latest.sessionId}`, textContent: say('customer.latest', { code: latest.code }) })
  line.className = 'notice'
  line.append(link)
  document.querySelector('.intro')?.after(line)
}

/** Of every other shop: one whose page is never opened again would be remembered for ever. Whether this one's has ended, its status says. */
const forgetOld = (shown: string | null) =>
  tryTo(() => {
    for (const key of Object.keys(localStorage)) {
      const latest = readJson(localStorage.getItem(key) ?? '') as Latest | null
      if (key.startsWith(keyOf('')) && key !== shown && !((latest?.at ?? 0) > Date.now() - remembered)) localStorage.removeItem(key)
    }
  })

const forget = (prefix: string) => void tryTo(() => localStorage.removeItem(keyOf(prefix)))

const read = (prefix: string) => tryTo(() => readJson(localStorage.getItem(keyOf(prefix)) ?? '') as Latest | null)

/** A browser that keeps nothing has no storage, and says so by an exception. */
function tryTo<T>(work: () => T): T | null {
  try {
    return work()
  } catch {
    return null
  }
}
