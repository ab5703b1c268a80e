import type { JobFile } from './contract.ts'

/** How slow a download is at most: bytes in a millisecond. */
const slowest = 64

/** Milliseconds in which a download has begun: the browser may ask where to put it. */
const beginsWithin = 30_000

/**
 * The files of each job that were printed or downloaded here: that is where they are, and completing the job does not ask about them. The browser
 * tells nobody what becomes of a download, so each counts from its click, and may be lost until it must have ended.
 */
export class Handled {
  // By session and file: from when on it is sure, on the clock of performance.now().
  readonly #jobs = new Map<string, Map<string, number>>()

  add(sessionId: string, files: JobFile[], isDownload: boolean): void {
    const now = performance.now()
    const sure = isDownload ? now + beginsWithin + files.reduce((sum, file) => sum + file.size, 0) / slowest : now
    const known = this.#jobs.get(sessionId) ?? new Map<string, number>()
    for (const { id } of files) if ((known.get(id) ?? Infinity) > now) known.set(id, sure)
    this.#jobs.set(sessionId, known)
  }

  /** The connection is broken, and with it every download that was still on its way. */
  loseDownloads(): void {
    const now = performance.now()
    for (const files of this.#jobs.values()) for (const [id, sure] of files) if (sure > now) files.delete(id)
  }

  /** The job has ended. */
  forget(sessionId: string): void {
    this.#jobs.delete(sessionId)
  }

  /** How many of these files were handled. */
  count(sessionId: string, files: JobFile[]): number {
    const known = this.#jobs.get(sessionId)
    return files.filter(({ id }) => known?.has(id)).length
  }
}
