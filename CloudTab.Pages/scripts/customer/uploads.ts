import type { DetailedError, Upload } from 'tus-js-client'
import { Refused, isOver, isPassing, notOffered, shopClosed, wordsFor, type Problem } from './api.ts'
import { askedPause, longestStall, readJson } from './ask.ts'
import { body, fileOf, isWanted, type Item } from './item.ts'
import { isReadable, type Memory } from './memory.ts'
import { pause, wake } from './pause.ts'
import type { Shop } from './shop.ts'

/** For so long the server counts an upload that has no byte yet (UploadCreation.cs), and a bit. */
const unusedCounts = 70_000

/** The phone's connection; few browsers tell of it (https://wicg.github.io/netinfo/). */
const network = (navigator as { connection?: EventTarget & { type?: string } }).connection

/** The upload has expired, or was ended. A HEAD's answer has no body that could say it; what else there is to say the next upload is told. */
const isGone = (status: number, code = '') => (status === 404 || status === 410) && ['', 'upload_not_found', 'upload_gone'].includes(code)

/** Bytes, and the seconds that the rest may take, if that can be told. */
export interface Progress {
  sent: number
  total: number
  secondsLeft: number | null
}

/** There is no room for another file. */
const isFull = (code = '') => code === 'too_many_files' || code === 'session_too_large'

/** Sends files to a session, by tus, until each has arrived or was refused. */
export class Uploads {
  private readonly running = new Map<Item, { upload: Upload; moved: number; stop: () => void }>()
  private readonly samples: { time: number; bytes: number }[] = []
  private lock: WakeLockSentinel | null = null
  private kind = network?.type
  private stopped = false
  /** When the answer to a creation was lost last: perhaps there is an upload that nobody knows, and it takes the room of one. */
  private lostAt = -Infinity

  constructor(
    private readonly shop: Shop,
    private readonly sessionId: string,
    private readonly list: () => readonly Item[],
    private readonly memory: Memory,
    private readonly changed: () => void,
  ) {}

  /** Sends what waits, also what joins it meanwhile. Ends when nothing is left, or after stop(). Throws Refused if that ends it for the other files too. */
  async run(): Promise<void> {
    const tus = await loadTus()
    document.addEventListener('visibilitychange', this.looked)
    addEventListener('online', this.restart)
    network?.addEventListener('change', this.changedNetwork)
    const watch = setInterval(() => this.lookForStalls(), 2_000)
    await this.stayAwake()
    try {
      // One after the other: the shop prints them in the order in which they arrive.
      for (let item: Item | undefined; !this.stopped && (item = this.items.find((one) => one.state === 'waiting')); ) await this.send(tus.Upload, item)
    } finally {
      clearInterval(watch)
      document.removeEventListener('visibilitychange', this.looked)
      removeEventListener('online', this.restart)
      network?.removeEventListener('change', this.changedNetwork)
      await this.lock?.release().catch(() => {})
    }
  }

  stop(): void {
    this.stopped = true
    for (const { stop } of this.running.values()) stop()
    wake()
  }

  private get items() {
    return this.list().filter(isWanted)
  }

  get progress(): Progress {
    const sent = this.items.reduce((sum, item) => sum + (item.state === 'done' ? item.size : item.sent), 0)
    const total = this.items.reduce((sum, item) => sum + (['refused', 'failed', 'lost'].includes(item.state) ? 0 : item.size), 0)
    const now = performance.now()
    this.samples.push({ time: now, bytes: sent })
    while (this.samples.length > 2 && this.samples[0]!.time < now - 8_000) this.samples.shift()
    const first = this.samples[0]!
    const speed = (sent - first.bytes) / (now - first.time)
    return { sent, total, secondsLeft: now - first.time > 1_000 && speed > 0 ? (total - sent) / speed / 1000 : null }
  }

  private async send(upload: typeof Upload, item: Item): Promise<void> {
    let isAnew = false
    for (let failures = 0; !this.stopped; failures++) {
      const before = item.sent
      const failure = await this.attempt(upload, item)
      if (failure === null) return
      if (this.stopped) break
      if (item.sent > before) failures = 0
      const status = failure.originalResponse?.getStatus() ?? 0
      const problem = read(failure)
      if (status === 0 && !item.uploadUrl) this.lostAt = performance.now()
      if (status === 0 && !(await this.hasFile(item))) {
        Object.assign(item, { state: 'lost', sent: 0 })
        return this.changed()
      }
      if (!isAnew && item.uploadUrl && isGone(status, problem.code)) {
        Object.assign(item, { uploadUrl: null, sent: 0 })
        isAnew = true
        continue
      }
      const isHaunted = isFull(problem.code) && performance.now() - this.lostAt < unusedCounts
      if (!isPassing(status, problem.code) && !isHaunted) {
        const words = wordsFor(problem)
        if (isOver(problem.code) || problem.code === shopClosed) {
          item.state = 'ready'
          throw new Refused(problem.code ?? '', words)
        }

        // An upload that there is no room for now keeps what has come of it: the next try goes on from there.
        Object.assign(item, { state: 'failed', error: words, sent: 0, uploadUrl: status === 507 ? item.uploadUrl : null })
        if (problem.code === notOffered) throw new Refused(notOffered, words)
        return this.changed()
      }
      item.state = status === 0 ? 'retrying' : 'busy'
      this.changed()
      await pause(failures, askedPause((name) => failure.originalResponse?.getHeader(name)))
    }
    if (item.state !== 'done') item.state = 'ready'
  }

  /** A file that was moved or deleted on the device since it was chosen: then the browser's own copy is sent, if it has one. */
  private async hasFile(item: Item): Promise<boolean> {
    if (await isReadable(body(item)!)) return true
    Object.assign(item, { whole: await this.memory.read(item), small: null })
    return item.whole !== null
  }

  /** One request from where the last one ended. Null: all is there. */
  private attempt(TusUpload: typeof Upload, item: Item): Promise<DetailedError | null> {
    return new Promise((resolve) => {
      const end = (failure: DetailedError | null) => {
        this.running.delete(item)
        if (failure === null) Object.assign(item, { state: 'done', sent: item.size })
        this.changed()
        resolve(failure)
      }
      const file = fileOf(item)
      const upload = new TusUpload(file, {
        // Not both: after any answer to HEAD but a few it would begin another upload, also if the service is only busy.
        ...(item.uploadUrl ? { uploadUrl: item.uploadUrl } : { endpoint: `${this.shop.prefix}/api/customer/sessions/${this.sessionId}/files` }),
        retryDelays: null,
        storeFingerprintForResuming: false,
        metadata: { filename: file.name, filetype: file.type, printOptions: JSON.stringify(item.options) },
        onUploadUrlAvailable: () => {
          item.uploadUrl = upload.url
          this.changed()
        },
        onProgress: (sent) => {
          if (sent === item.sent) return
          item.sent = sent
          item.state = 'sending'
          const running = this.running.get(item)
          if (running) running.moved = performance.now()
          this.changed()
        },
        onSuccess: () => end(null),
        onError: (failure) => end(failure as DetailedError),
      })
      item.state = 'sending'
      // An aborted upload reports nothing.
      const stop = () => void upload.abort().catch(() => {}).then(() => end({} as DetailedError))
      this.running.set(item, { upload, moved: performance.now(), stop })
      this.changed()
      upload.start()
    })
  }

  private readonly looked = () => {
    if (document.visibilityState === 'hidden') return
    void this.stayAwake()
    wake()
    this.lookForStalls(longestStall / 4)
  }

  /** On another network the old connection is dead, and nobody says so. */
  private readonly restart = () => {
    wake()
    this.lookForStalls(0)
  }

  /** The event also tells of another speed, which says nothing of the connection. (Without a kind, as on a PC, those who come online are told above.) */
  private readonly changedNetwork = () => {
    if (network?.type === this.kind) return
    this.kind = network?.type
    this.restart()
  }

  private lookForStalls(longest = longestStall): void {
    for (const { moved, stop } of this.running.values()) if (performance.now() - moved > longest) stop()
  }

  private async stayAwake(): Promise<void> {
    if (document.visibilityState === 'hidden' || (this.lock && !this.lock.released)) return
    this.lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null
  }
}

const read = (failure: DetailedError) => (readJson(failure.originalResponse?.getBody() ?? '') ?? {}) as Problem

/** Not part of the first view: it is there by the time that a file has been chosen. */
export const loadTus = () => import('tus-js-client')
