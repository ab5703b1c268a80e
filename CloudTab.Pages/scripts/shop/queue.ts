import { call } from './api.ts'
import type { Frame, Job, JobDetails, PendingSession, ProcessingSession } from './contract.ts'

const pageSize = 100
const settleTime = 150

/** Most sessions that are asked for one by one; beyond that the whole list is cheaper. */
const mostLookups = 4

/**
 * The shop's unfinished jobs as this page knows them. The socket's list is the truth, its events bring the list up to date, and a change
 * that an event does not tell in full (who claimed a job) is asked for once for many events. Jobs are replaced, never altered: a row is
 * drawn again only where its job is another object.
 */
export class Queue {
  readonly jobs = new Map<string, Job>()

  /** Whether the list has come at least once. */
  isKnown = false

  #settleTimer = 0
  #staleClaims = false
  readonly #unknown = new Set<string>()

  // Of a list that comes in pages: what events changed while it came, which the list, older, must not undo.
  #touched: Set<string> | undefined
  #sync = 0

  constructor(
    private readonly changed: () => void,
    private readonly arrived: (job: Job) => void,
    private readonly ended: (job: Job) => void,
    private readonly resync: () => void,
  ) {}

  hear(frame: Frame): void {
    switch (frame.type) {
      case 'pending_sessions':
        void this.#replace(frame.sessions, frame.more === true)
        break
      case 'new_session': {
        const known = this.jobs.get(frame.sessionId)
        const { pickupCode, customerName, token } = frame
        const job: Job = { ...factsOf(frame), pickupCode, customerName, createdAt: known?.createdAt ?? frame.timestamp, status: 'pending' }
        if (token !== undefined) job.token = token
        this.#put(job)
        if (known?.status !== 'pending') this.arrived(job)
        break
      }
      case 'session_updated':
        this.#update(frame)
        break
      case 'print_changed': {
        const known = this.jobs.get(frame.sessionId)
        if (!known) break
        this.#put({ ...known, print: frame.print })
        // Whether another file of the job is still at the printer is in the list of claims.
        this.#staleClaims = true
        this.#settleSoon()
        break
      }
    }
  }

  /** The list that the server wrote into the page: what is there until the socket's list comes. */
  begin(pending: PendingSession[], processing: ProcessingSession[]): void {
    for (const job of pending) this.jobs.set(job.sessionId, { ...job, status: 'pending' })
    for (const job of processing) this.jobs.set(job.sessionId, { ...job, status: 'processing' })
    this.isKnown = true
  }

  /** What an answer of the API has just said of a job; it is newer than every event that has come. */
  learn(details: JobDetails, claimedByYou: boolean): Job | undefined {
    if (details.status !== 'pending' && details.status !== 'processing') {
      this.#remove(details.sessionId, details.status)
      return undefined
    }
    const { files, ...facts } = details
    const isYours = details.status === 'processing' && claimedByYou
    const job: Job = { ...facts, printOptions: files.map((file) => file.printOptions), claimedByYou: isYours }
    this.#put(job)
    return job
  }

  /** A job that this page has just given back or ended. */
  change(sessionId: string, status: Job['status']): void {
    const known = this.jobs.get(sessionId)
    // One that is pending again has files that came late: its event was faster than the answer to what this page did.
    if (status === 'completed' && known?.claimedByYou) this.#remove(sessionId, status)
    else if (status === 'completed') return
    else if (known) this.#put({ ...withoutClaim(known), status })
  }

  /** A field of a job that this page has just changed. */
  amend(sessionId: string, fields: Partial<Job>): void {
    const known = this.jobs.get(sessionId)
    if (known) this.#put({ ...known, ...fields })
  }

  /** Asks again who holds which job. */
  async refreshClaims(): Promise<void> {
    const { sessions } = await call<{ sessions: ProcessingSession[] }>('GET', '/sessions/processing')
    const claimed = new Set(sessions.map((session) => session.sessionId))
    for (const session of sessions) this.#put({ ...this.jobs.get(session.sessionId), ...session, status: 'processing' })
    for (const job of this.jobs.values()) {
      if (job.status === 'processing' && !claimed.has(job.sessionId)) this.#unknown.add(job.sessionId)
    }
    if (this.#unknown.size > 0) this.#settleSoon()
  }

  #update(frame: Extract<Frame, { type: 'session_updated' }>): void {
    const known = this.jobs.get(frame.sessionId)
    if (frame.status !== 'pending' && frame.status !== 'processing') {
      this.#remove(frame.sessionId, frame.status)
      return
    }
    if (!known) {
      this.#unknown.add(frame.sessionId)
      this.#settleSoon()
      return
    }
    const before = frame.status === 'pending' ? withoutClaim(known) : known
    this.#put({ ...before, ...factsOf(frame), status: frame.status })
    if (frame.status === 'processing' && known.status !== 'processing') {
      this.#staleClaims = true
      this.#settleSoon()
    }
  }

  /** A burst of events costs one question, not one for each. */
  #settleSoon(): void {
    if (this.#settleTimer === 0) this.#settleTimer = setTimeout(() => void this.#settle(), settleTime)
  }

  async #settle(): Promise<void> {
    const claimsAreStale = this.#staleClaims
    const unknown = [...this.#unknown]
    this.#staleClaims = false
    this.#unknown.clear()
    try {
      if (unknown.length > mostLookups) this.resync()
      else await Promise.all(unknown.map((id) => this.#look(id)))
      if (claimsAreStale) await this.refreshClaims()
    } catch {
      // The connection has gone with the question: what follows its return is the whole list.
    } finally {
      this.#settleTimer = 0
      if (this.#staleClaims || this.#unknown.size > 0) this.#settleSoon()
    }
  }

  async #look(sessionId: string): Promise<void> {
    const { session } = await call<{ session: JobDetails }>('GET', `/sessions/${sessionId}`)
    this.learn(session, this.jobs.get(sessionId)?.claimedByYou ?? false)
  }

  async #replace(first: PendingSession[], more: boolean): Promise<void> {
    const sync = ++this.#sync
    const touched = (this.#touched = new Set())
    const listed = new Map<string, Job>()
    const add = (sessions: PendingSession[]): void => {
      for (const session of sessions) listed.set(session.sessionId, { ...session, status: 'pending' })
    }
    add(first)
    try {
      // The socket's list is the newest hundred; the rest comes page by page over HTTP.
      for (let after = ''; more; ) {
        const page = await call<{ sessions: PendingSession[]; next?: string }>(
          'GET',
          `/sessions/pending?limit=${pageSize}${after && `&after=${encodeURIComponent(after)}`}`,
        )
        if (sync !== this.#sync) return
        add(page.sessions)
        if (!page.next) break
        after = page.next
      }
    } catch {
      return
    }
    for (const [id, job] of this.jobs) {
      if (!touched.has(id) && !listed.has(id) && job.status === 'pending') this.jobs.delete(id)
    }
    for (const [id, job] of listed) {
      const known = this.jobs.get(id)
      if (!touched.has(id)) this.jobs.set(id, known ? { ...withoutClaim(known), ...job } : job)
    }
    this.#touched = undefined
    this.isKnown = true
    this.changed()
    this.#staleClaims = true
    this.#settleSoon()
  }

  #put(job: Job): void {
    this.#touched?.add(job.sessionId)
    this.jobs.set(job.sessionId, job)
    this.changed()
  }

  #remove(sessionId: string, status: Job['status']): void {
    this.#touched?.add(sessionId)
    this.#unknown.delete(sessionId)
    const known = this.jobs.get(sessionId)
    if (!known) return
    this.jobs.delete(sessionId)
    this.changed()
    this.ended({ ...known, status })
  }
}

/** What a frame tells of a job, in the list's terms. */
function factsOf(frame: Extract<Frame, { eventId: number }>): Omit<Job, 'pickupCode' | 'customerName' | 'createdAt' | 'status'> {
  const { sessionId, fileCount, totalSize, pages, uncountedFiles, price, paidAt, paidAmount } = frame
  return {
    sessionId,
    fileCount,
    totalSize,
    pages,
    uncountedFiles,
    price,
    paidAt,
    paidAmount,
    printOptions: frame.files.map((file) => file.printOptions),
  }
}

function withoutClaim(job: Job): Job {
  const { claimedBy: _, claimedByYou: __, ...rest } = job
  return rest
}
