import { say } from '../shared/words.ts'
import { call, Problem } from './api.ts'
import type { Job, JobDetails } from './contract.ts'
import type { Handled } from './handled.ts'
import type { JobAct, Verb } from './job.ts'
import { explain, type Notices } from './notices.ts'
import { ask } from './question.ts'
import { questionBefore } from './questions.ts'
import type { QueueView } from './queue-view.ts'
import type { Queue } from './queue.ts'

/** Does with a job what was chosen, and puts the queue right by the answer. */
export class Actions {
  /** The sessions that something is being done with. The next job can be taken before the answer for the last one is there. */
  readonly #busy = new Set<string>()

  constructor(
    private readonly queue: Queue,
    private readonly handled: Handled,
    private readonly view: QueueView,
    private readonly notices: Notices,
    private readonly changed: () => void,
  ) {}

  isBusy(job: Job): boolean {
    return this.#busy.has(job.sessionId)
  }

  /** Asks first, where it cannot be undone. */
  async act({ job, verb, files }: JobAct['detail']): Promise<void> {
    const question = questionBefore(verb, job, files, this.handled)
    const reason = question && (await ask(question))
    if (question && reason === undefined) return
    await this.do(job, verb, reason)
  }

  async do(job: Job, verb: Verb, reason?: string): Promise<void> {
    if (this.isBusy(job)) return
    this.#busy.add(job.sessionId)
    this.changed()
    const since = this.queue.now
    try {
      const path = `/sessions/${job.sessionId}`
      switch (verb) {
        case 'claim': {
          const choice = ++this.view.choice
          const { session } = await call<{ session: JobDetails }>('POST', `${path}/claim`)
          const taken = this.queue.learn(session, since, true)
          if (choice === this.view.choice) this.view.select(taken)
          break
        }
        case 'release':
          await call('POST', `${path}/release`, reason ? { reason } : undefined)
          this.queue.change(job.sessionId, 'pending', since)
          if (this.view.selected?.sessionId === job.sessionId) this.view.select(undefined, false)
          break
        case 'complete':
          await call('POST', `${path}/complete`)
          if (this.view.selected?.sessionId === job.sessionId) this.view.select(undefined, false)
          this.queue.change(job.sessionId, 'completed', since)
          this.notices.add(say('shop.completed', { code: job.pickupCode }))
          break
        case 'paid':
        case 'unpaid': {
          // What was shown is what was paid: more may have come since.
          const shown = verb === 'paid' && job.price?.isComplete ? { amount: job.price.amount } : undefined
          const { session } = await call<{ session: JobDetails }>(verb === 'paid' ? 'POST' : 'DELETE', `${path}/paid`, shown)
          this.queue.amend(job.sessionId, { paidAt: session.paidAt, paidAmount: session.paidAmount }, since)
          break
        }
      }
    } catch (failure) {
      await this.#fail(job, failure)
    } finally {
      this.#busy.delete(job.sessionId)
      this.changed()
    }
  }

  /** Another counter was faster, or the customer has withdrawn: the list is put right along with the message. */
  async #fail(job: Job, failure: unknown): Promise<void> {
    if (failure instanceof Problem && failure.status === 401) return
    this.notices.add(explain(failure), true)
    if (!(failure instanceof Problem) || ![404, 409, 410].includes(failure.status)) return
    const since = this.queue.now
    try {
      const { session } = await call<{ session: JobDetails }>('GET', `/sessions/${job.sessionId}`)
      this.queue.learn(session, since)
      await this.queue.refreshClaims()
    } catch {
      // What the list shows is then put right by the next event.
    }
  }
}
