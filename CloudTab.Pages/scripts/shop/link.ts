import { call, Problem } from './api.ts'
import type { Frame } from './contract.ts'

/** `live`: frames arrive. `connecting`: the first attempt. `broken`: the connection is lost, another attempt follows. */
export type LinkState = 'connecting' | 'live' | 'broken' | 'signed-out'

const firstRetry = 500
const longestRetry = 15_000
const longestAsked = 60_000
const pingEvery = 15_000
const pongWithin = 8_000

/** As long as an attempt is under way, nobody can begin another one. */
const ticketWithin = 8_000

/** Milliseconds to wait after so many failures. Half of it is random: a hundred counters that lost the same relay do not come back in one moment. */
export const pauseAfter = (failures: number): number => Math.min(longestRetry, firstRetry * 2 ** failures) * (0.5 + Math.random() / 2)

/**
 * The page's socket. It opens with a ticket that is good once, so that no key is in the page; it finds out by itself when the other end is
 * gone (a browser does not show the server's pings, and a socket on a dead network stays "open" for minutes) and connects again with
 * growing pauses, or when a relay that stops has asked for it. The first frame behind each `authenticated` is the pending list: whatever was missed is in it.
 */
export class Link {
  #socket: WebSocket | undefined
  #retryTimer = 0
  #pingTimer = 0
  #pongTimer = 0
  #attempt = 0
  #asked: number | undefined
  #state: LinkState = 'connecting'
  #opening = false

  constructor(
    private readonly heard: (frame: Frame) => void,
    private readonly changed: (state: LinkState) => void,
  ) {}

  get state(): LinkState {
    return this.#state
  }

  start(): void {
    addEventListener('online', () => this.retryNow())
    addEventListener('offline', () => this.#socket?.close())
    // A sleeping laptop stops timers: on waking there is no reason to wait for the rest of a pause.
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible') return
      if (this.#state === 'live') this.#ping()
      else this.retryNow()
    })
    void this.#open()
  }

  /** Tries at once instead of when the pause is over. */
  retryNow(): void {
    if (this.#state !== 'broken' || this.#opening) return
    this.#attempt = 0
    clearTimeout(this.#retryTimer)
    void this.#open()
  }

  send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  async #open(): Promise<void> {
    this.#opening = true
    try {
      const { ticket } = await call<{ ticket: string }>('POST', '/ticket', undefined, ticketWithin)
      const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`)
      this.#socket = socket
      socket.onopen = () => socket.send(JSON.stringify({ type: 'authenticate', ticket }))
      socket.onmessage = (message) => this.#hear(JSON.parse(String(message.data)) as Frame)
      socket.onclose = (end) => this.#lose(socket, end.code)
      clearTimeout(this.#pongTimer)
      this.#pongTimer = setTimeout(() => this.#abandon(), pongWithin)
    } catch (failure) {
      if (failure instanceof Problem && failure.status === 401) this.#change('signed-out')
      else this.#retry()
    } finally {
      this.#opening = false
    }
  }

  #hear(frame: Frame): void {
    clearTimeout(this.#pongTimer)
    this.#pongTimer = 0
    if (frame.type === 'authenticated') {
      this.#attempt = 0
      clearInterval(this.#pingTimer)
      this.#pingTimer = setInterval(() => this.#ping(), pingEvery)
      this.#change('live')
    }
    if (frame.type === 'going_away') this.#asked = Math.min(frame.retryAfterMs, longestAsked)
    this.heard(frame)
  }

  #ping(): void {
    this.send({ type: 'ping' })
    if (this.#pongTimer === 0) this.#pongTimer = setTimeout(() => this.#abandon(), pongWithin)
  }

  /** `close` waits for the other end's answer, for which a dead network makes it wait long. */
  #abandon(): void {
    const socket = this.#socket
    if (!socket) return
    socket.close()
    this.#lose(socket, 1006)
  }

  #lose(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return
    socket.onmessage = null
    this.#socket = undefined
    clearInterval(this.#pingTimer)
    clearTimeout(this.#pongTimer)
    this.#pongTimer = 0
    // 4401: this ticket's key was revoked, or the ticket came too late. The next ticket tells which.
    if (code === 4401) this.#attempt = Math.max(this.#attempt, 1)
    this.#retry()
  }

  #retry(): void {
    this.#change('broken')
    const pause = this.#asked ?? pauseAfter(this.#attempt++)
    this.#asked = undefined
    this.#retryTimer = setTimeout(() => void this.#open(), pause)
  }

  #change(state: LinkState): void {
    if (state === this.#state) return
    this.#state = state
    this.changed(state)
  }
}
