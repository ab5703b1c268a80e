import type { JobFile } from './contract.ts'

/** How slow a download is at most: bytes in a millisecond. */
const slowest = 64

/** Milliseconds in which a download has begun: the browser may ask where to put it. */
const beginsWithin = 30_000

/** What was done with a file here. */
interface Done {
  isPrinted?: boolean

  /** From when on its download must have ended, on the clock of performance.now(). */
  downloaded?: number
}

/**
 * The files of each job that were printed or downloaded here: that is where they are, and completing the job does not ask about them. The browser
 * tells nobody what becomes of a download, so each counts from its click, and may be lost until it must have ended. Nor does it tell whether its
 * print dialog was cancelled: a file that was only printed is unsure.
 */
export class Handled {
  // By session and file.
  readonly #jobs = new Map<string, Map<string, Done>>()

  add(sessionId: string, files: JobFile[], isDownload: boolean): void {
    const now = performance.now()
    const sure = now + beginsWithin + files.reduce((sum, file) => sum + file.size, 0) / slowest
    const known = this.#jobs.get(sessionId) ?? new Map<string, Done>()
    for (const { id } of files) {
      const done = known.get(id) ?? {}
      if (!isDownload) done.isPrinted = true
      else if ((done.downloaded ?? Infinity) > now) done.downloaded = sure
      known.set(id, done)
    }
    this.#jobs.set(sessionId, known)
  }

  /** The connection is broken, and with it every download that was still on its way. */
  loseDownloads(): void {
    const now = performance.now()
    for (const files of this.#jobs.values()) for (const done of files.values()) if ((done.downloaded ?? 0) > now) delete done.downloaded
  }

  /** The job has ended. */
  forget(sessionId: string): void {
    this.#jobs.delete(sessionId)
  }

  /** How many of these files were handled. */
  count(sessionId: string, files: JobFile[]): number {
    return files.filter((file) => this.#isPrinted(sessionId, file) || this.#isDownloaded(sessionId, file)).length
  }

  /** Whether one of these files is nowhere if its print dialog was cancelled. */
  isUnsure(sessionId: string, files: JobFile[]): boolean {
    return files.some((file) => this.#isPrinted(sessionId, file) && !this.#isDownloaded(sessionId, file))
  }

  #isPrinted(sessionId: string, { id }: JobFile): boolean {
    return this.#jobs.get(sessionId)?.get(id)?.isPrinted === true
  }

  #isDownloaded(sessionId: string, { id }: JobFile): boolean {
    return this.#jobs.get(sessionId)?.get(id)?.downloaded !== undefined
  }
}
