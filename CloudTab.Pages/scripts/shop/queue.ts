import { call, Problem } from './api.ts'
import type { Frame, Job, JobDetails, PendingSession, PrintOptions, ProcessingSession } from './contract.ts'
import { pauseAfter } from './link.ts'

const pageSize = 100
const settleTime = 150

const lastToken = 999

/** Milliseconds by which the clocks of the relay's replicas may differ, and in which no shop gets half of all tokens' jobs. */
const closeTimes = 10_000

/** Most sessions that are asked for one by one; beyond that the whole list is cheaper. */
const mostLookups = 4

/** Jobs of which it is remembered when something was heard of them last: an answer that so much overtook is not on its way any more. */
const mostHeard = 10_000

/**
 * The shop's unfinished jobs as this page knows them. The socket's list is the truth, its events bring the list up to date, and a change
 * that an event does not tell in full (who claimed a job) is asked for once for many events. Jobs are replaced, never altered: a row is
 * drawn again only where its job is another object.
 *
 * An answer may be older than an event that came while it was on its way. So whoever asks takes `now` before, and what was heard of a job since
 * then is not overwritten: a newer event has told it, or one that follows will.
 */
export class Queue {
  readonly jobs = new Map<string, Job>()

  /** Whether the list has come at least once. */
  isKnown = false

  #settleTimer = 0
  #isSettling = false
  #failures = 0
  #staleClaims = false
  readonly #unknown = new Set<string>()

  // Counts what was heard; for each job, when that was last, also after it left the list.
  #now = 0
  readonly #heard = new Map<string, number>()
  #listed = 0
  #sync = 0

  constructor(
    private readonly changed: () => void,
    private readonly arrived: (job: Job) => void,
    private readonly ended: (job: Job) => void,
    private readonly resync: () => void,
  ) {}

  /** What to hand over with the answer to a question that is asked now. */
  get now(): number {
    return this.#now
  }

  hear(frame: Frame): void {
    switch (frame.type) {
      case 'pending_sessions':
        void this.#replace(frame.sessions, frame.more === true)
        break
      case 'new_session': {
        const known = this.jobs.get(frame.sessionId)
        const { pickupCode, customerName, submittedAt, token } = frame
        const job: Job = { ...factsOf(frame, known), pickupCode, customerName, submittedAt, status: 'pending' }
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
        const others = (known.prints ?? []).filter((print) => print.fileId !== frame.fileId)
        this.#put({ ...known, prints: [...others, { ...frame.print, fileId: frame.fileId }] })
        // Whether that is the file's newest attempt, and another file of the job is still at the printer, is known to the relay.
        if (known.status === 'processing') this.#staleClaims = true
        else this.#unknown.add(frame.sessionId)
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

  /**
   * What an answer of the API says of a job.
   * @param since `now` of when it was asked.
   * @param claimed Whether it is the answer to a claim of this page's own.
   * @returns The job as it is known then; undefined if it is not in the queue any more.
   */
  learn(details: JobDetails, since: number, claimed = false): Job | undefined {
    const known = this.jobs.get(details.sessionId)
    if (this.#isNews(details.sessionId, since)) {
      // Events do not say whose claim it is: what this page has claimed itself it knows, unless that was lost again already.
      if (claimed && known?.status === 'processing') this.#put({ ...known, claimedBy: details.claimedBy ?? null, claimedByYou: true })
      this.#askForClaims()
    } else if (endOf(details) !== undefined) {
      this.#remove(details.sessionId, endOf(details)!)
    } else {
      const { submittedAt, ...facts } = details
      const files = details.files.filter((file) => file.status === 'stored')
      const claimedByYou = details.status === 'processing' && (claimed || known?.claimedByYou === true)
      const prints = files.flatMap((file) => (file.print ? [{ ...file.print, fileId: file.id }] : []))
      // What is pending or processing was submitted.
      this.#put({ ...facts, submittedAt: submittedAt!, printOptions: eachOnce(files), prints, claimedByYou })
    }
    return this.jobs.get(details.sessionId)
  }

  /** A job that this page has given back or ended, by a call that began at `since`. */
  change(sessionId: string, status: 'pending' | 'completed', since: number): void {
    const known = this.jobs.get(sessionId)
    if (!known || this.#isNews(sessionId, since)) return
    if (status === 'completed') this.#remove(sessionId, status)
    else this.#put({ ...withoutClaim(known), status })
  }

  /** A field of a job that this page has changed, by a call that began at `since`. */
  amend(sessionId: string, fields: Partial<Job>, since: number): void {
    const known = this.jobs.get(sessionId)
    if (known && !this.#isNews(sessionId, since)) this.#put({ ...known, ...fields })
  }

  /** Asks again who holds which job. */
  async refreshClaims(): Promise<void> {
    const since = this.#now
    const { sessions } = await call<{ sessions: ProcessingSession[] }>('GET', '/sessions/processing')
    const claimed = new Set(sessions.map((session) => session.sessionId))
    for (const session of sessions) {
      if (!this.#isNews(session.sessionId, since)) this.#put({ ...this.jobs.get(session.sessionId), ...session, status: 'processing' })
      else if (this.jobs.get(session.sessionId)?.status === 'processing') this.#askForClaims()
    }
    for (const job of this.jobs.values()) {
      if (job.status === 'processing' && !claimed.has(job.sessionId) && !this.#isNews(job.sessionId, since)) this.#unknown.add(job.sessionId)
    }
    if (this.#unknown.size > 0) this.#settleSoon()
  }

  #update(frame: Extract<Frame, { type: 'session_updated' }>): void {
    const known = this.jobs.get(frame.sessionId)
    const end = endOf(frame)
    if (end !== undefined) {
      this.#remove(frame.sessionId, end)
      return
    }
    if (!known) {
      this.#unknown.add(frame.sessionId)
      this.#settleSoon()
      return
    }
    const before = frame.status === 'pending' ? withoutClaim(known) : known
    this.#put({ ...before, ...factsOf(frame, known), status: frame.status })
    // Also of a job that was claimed before: its claim may have lapsed, and it is another counter's now.
    if (frame.status === 'processing') this.#askForClaims()
  }

  #askForClaims(): void {
    this.#staleClaims = true
    this.#settleSoon()
  }

  /** A burst of events costs one question, not one for each. */
  #settleSoon(pause = settleTime): void {
    if (this.#settleTimer === 0 && !this.#isSettling) this.#settleTimer = setTimeout(() => void this.#settle(), pause)
  }

  async #settle(): Promise<void> {
    this.#settleTimer = 0
    this.#isSettling = true
    let pause = settleTime
    const claimsAreStale = this.#staleClaims
    const unknown = [...this.#unknown]
    this.#staleClaims = false
    this.#unknown.clear()
    try {
      if (unknown.length > mostLookups) this.resync()
      else await Promise.all(unknown.map((id) => this.#look(id)))
      if (claimsAreStale) await this.refreshClaims()
      this.#failures = 0
    } catch (failure) {
      if (isSignedOut(failure)) return
      // The socket may be well: no list would follow that answers it.
      this.#staleClaims ||= claimsAreStale
      for (const id of unknown) this.#unknown.add(id)
      pause = pauseAfter(this.#failures++)
    } finally {
      this.#isSettling = false
      if (this.#staleClaims || this.#unknown.size > 0) this.#settleSoon(pause)
    }
  }

  async #look(sessionId: string): Promise<void> {
    const since = this.#now
    try {
      const { session } = await call<{ session: JobDetails }>('GET', `/sessions/${sessionId}`)
      const isKnown = this.jobs.has(sessionId)
      const job = this.learn(session, since)
      // One that had lost all its files has some again. Before the first list has come it may be one that was there.
      if (!isKnown && job?.status === 'pending' && this.#listed > 0) this.arrived(job)
    } catch (failure) {
      // Forgotten by the relay, which keeps what has ended for a day only.
      if (!(failure instanceof Problem && failure.status === 404)) throw failure
      if (!this.#isNews(sessionId, since)) this.#remove(sessionId, 'expired')
    }
  }

  async #replace(first: PendingSession[], more: boolean): Promise<void> {
    const sync = ++this.#sync
    const since = this.#now
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
    } catch (failure) {
      // Without the rest nobody knows what has left the list. If the connection is lost, its return brings another one.
      if (!isSignedOut(failure)) setTimeout(() => sync === this.#sync && this.resync(), pauseAfter(this.#failures++))
      return
    }
    for (const [id, job] of this.jobs) {
      if (job.status !== 'pending' || listed.has(id) || this.#isNews(id, since)) continue
      this.jobs.delete(id)
      // Claimed meanwhile, withdrawn or expired: which one is asked for only if it is claimed.
      this.ended({ ...job, status: 'gone' })
    }
    const isFirst = this.#listed === 0
    for (const [id, job] of listed) {
      if (this.#isNews(id, since)) continue
      const known = this.jobs.get(id)
      this.jobs.set(id, known ? { ...withoutClaim(known), ...job } : job)
      // Its event was lost with the connection. What the page began with is nothing new.
      if (!known && !isFirst) this.arrived(job)
    }
    // It is newer than the answers to all that was asked before it.
    this.#listed = ++this.#now
    this.isKnown = true
    this.changed()
    // There are answers again: questions that failed before need not wait for the end of their pause.
    this.#failures = 0
    clearTimeout(this.#settleTimer)
    this.#settleTimer = 0
    this.#askForClaims()
  }

  #put(job: Job): void {
    this.#hear(job.sessionId)
    this.jobs.set(job.sessionId, job)
    this.changed()
  }

  #remove(sessionId: string, status: Job['status']): void {
    this.#hear(sessionId)
    this.#unknown.delete(sessionId)
    const known = this.jobs.get(sessionId)
    if (!known) return
    this.jobs.delete(sessionId)
    this.changed()
    this.ended({ ...known, status })
  }

  #hear(sessionId: string): void {
    this.#heard.delete(sessionId) // to the end of the map, whose oldest is its first
    this.#heard.set(sessionId, ++this.#now)
    if (this.#heard.size > mostHeard) this.#heard.delete(this.#heard.keys().next().value!)
  }

  /** Whether something was heard of a job since a question was asked: the answer may be older than that. */
  #isNews(sessionId: string, since: number): boolean {
    return Math.max(this.#heard.get(sessionId) ?? 0, this.#listed) > since
  }
}

const isSignedOut = (failure: unknown): boolean => failure instanceof Problem && failure.status === 401

/**
 * As customers are told their places: what was submitted first is served first. The times are of the relay's replicas, whose clocks may differ a
 * little. Of two that are close the token decides, which is given in the order of the queue, and begins again after 999.
 */
export function inOrder(one: Job, other: Job): number {
  const apart = Date.parse(one.submittedAt) - Date.parse(other.submittedAt)
  if (Math.abs(apart) > closeTimes || !one.token || !other.token) return apart
  const steps = (one.token - other.token + lastToken) % lastToken
  return steps < lastToken / 2 ? steps : steps - lastToken
}

/** How a job has left the queue; undefined if it is in it. One that waits without a file is not: the relay's list has it no more, and no customer counts it. */
export function endOf({ status, fileCount }: { status: string; fileCount: number }): string | undefined {
  if (status === 'pending') return fileCount === 0 ? 'emptied' : undefined
  return status === 'processing' ? undefined : status
}

/** The ways in which files are to be printed, each once: as the relay's lists have them. */
function eachOnce(files: { printOptions: PrintOptions }[]): PrintOptions[] {
  return [...new Map(files.map((file) => [JSON.stringify(file.printOptions), file.printOptions])).values()]
}

/** What a frame tells of a job, in the list's terms. Of files that are gone the prints go too. */
function factsOf(frame: Extract<Frame, { eventId: number }>, known: Job | undefined): Omit<Job, 'pickupCode' | 'customerName' | 'submittedAt' | 'status'> {
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
    printOptions: eachOnce(frame.files),
    prints: (known?.prints ?? []).filter((print) => frame.files.some((file) => file.id === print.fileId)),
  }
}

function withoutClaim(job: Job): Job {
  const { claimedBy: _, claimedByYou: __, ...rest } = job
  return rest
}
