import { html, nothing, type PropertyValues, type TemplateResult } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { count, say } from '../shared/words.ts'
import { call, Problem } from './api.ts'
import type { FilePrint, Job, JobDetails, JobFile } from './contract.ts'
import { size } from '../shared/format.ts'
import { CtElement } from './element.ts'
import { chip, wishesOf, describePart, describePrint, formatAge, formatExtent, formatPrice, formatType, isInTrouble, isShowable } from './format.ts'
import { icons } from './icons.ts'
import { explain } from './notices.ts'

/** What a shopkeeper does with a job. */
export type Verb = 'claim' | 'release' | 'complete' | 'paid' | 'unpaid'

/** A verb that was chosen for a job, and the files that the job was shown with; actions.ts does it. */
export class JobAct extends CustomEvent<{ job: Job; verb: Verb; files: JobFile[] }> {
  constructor(job: Job, verb: Verb, files: JobFile[]) {
    super('ct-act', { bubbles: true, detail: { job, verb, files } })
  }
}

/** Files of a job that were taken out of the page: on paper, or as a download, of which nobody knows whether it has arrived. */
export class FilesHandled extends CustomEvent<{ job: Job; files: JobFile[]; isDownload: boolean }> {
  constructor(job: Job, files: JobFile[], isDownload: boolean) {
    super('ct-handled', { bubbles: true, detail: { job, files, isDownload } })
  }
}

/** A file that is to be looked at, or printed. */
export class FileShow extends CustomEvent<{ job: Job; file: JobFile; print: boolean }> {
  constructor(job: Job, file: JobFile, print: boolean) {
    super('ct-show', { bubbles: true, detail: { job, file, print } })
  }
}

/** One job: its files with what the customer wants done with them, and the buttons that carry it through. */
export class CtJob extends CtElement {
  static override properties = {
    job: { attribute: false },
    busy: { type: Boolean },
    minute: { attribute: false },
    details: { state: true },
    problem: { state: true },
  }

  declare job: Job

  /** Whether a verb is on its way. */
  declare busy: boolean

  /** Changes every minute: ages are drawn again. */
  declare minute: number

  declare private details: JobDetails | undefined
  declare private problem: string | undefined
  #loads = 0

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('job')) return
    const before = changed.get('job')
    if (before?.sessionId !== this.job.sessionId) {
      this.details = undefined
      this.#loads++
    }
    const isStale =
      before?.sessionId !== this.job.sessionId ||
      before.fileCount !== this.job.fileCount ||
      before.totalSize !== this.job.totalSize ||
      before.printOptions !== this.job.printOptions ||
      before.prints !== this.job.prints
    if (isStale && isLive(this.job)) void this.#load()
  }

  async #load(): Promise<void> {
    const { sessionId } = this.job
    const load = ++this.#loads // a later one's answer is newer, though it may come first
    try {
      const { session } = await call<{ session: JobDetails }>('GET', `/sessions/${sessionId}`)
      if (load !== this.#loads) return
      this.details = session
      this.problem = undefined
    } catch (failure) {
      // A job that has just ended is told by its event.
      if (load === this.#loads && !(failure instanceof Problem && failure.status === 404)) this.problem = explain(failure)
    }
  }

  protected override render(): TemplateResult {
    const { job } = this
    const price = formatPrice(job.price)
    const part = describePart(job)
    const isPaid = Boolean(job.paidAt) && !part
    return html`
      <article class="job-sheet" aria-labelledby="job-code">
        <header class="job-head">
          <button class="back quiet" @click=${() => this.dispatchEvent(new Event('ct-back', { bubbles: true }))}>
            ${icons.back}<span>${say('shop.back')}</span>
          </button>
          <div>
            <h2 id="job-code" class="job-code" tabindex="-1">${job.pickupCode}</h2>
            <p class="job-who">
              <bdi>${job.customerName ?? say('shop.noName')}</bdi>
              ${job.token ? html`<span class="token">${say('shop.token', { token: job.token })}</span>` : nothing}
            </p>
          </div>
          <div class="job-state">
            ${this.#state()}
            <p class="job-extent">${formatExtent(job)}</p>
          </div>
        </header>
        ${isLive(job)
          ? html` ${this.problem
                ? html`<p class="error" role="alert">
                    ${this.problem} <button @click=${() => void this.#load()}>${say('shop.again')}</button>
                  </p>`
                : nothing}
              ${this.#files()}
              <footer class="job-foot">
                <div class="bill">
                  ${price ? html`<strong class="bill-amount">${price}</strong>` : html`<span>${say('shop.price.none')}</span>`}
                  ${part ? html`<span class="chip is-bad">${part}</span>` : nothing}
                  <button
                    class=${isPaid ? 'paid is-paid' : 'paid'}
                    aria-pressed=${isPaid ? 'true' : 'false'}
                    aria-disabled=${this.busy}
                    @click=${() => this.#act(isPaid ? 'unpaid' : 'paid')}
                  >
                    ${icons.check}<span>${isPaid ? say('shop.paid') : say('shop.markPaid')}</span>
                  </button>
                </div>
                ${this.#verbs()}
              </footer>`
          : html`<p class="ended">${say(`shop.ended.${job.status}`)}</p>`}
      </article>
    `
  }

  #state(): TemplateResult {
    const { job } = this
    if (job.status === 'pending') return html`<p class="state">${say('shop.waits', { age: formatAge(job.submittedAt) })}</p>`
    if (job.status !== 'processing') return html`<p class="state">${say(`shop.status.${job.status}`)}</p>`
    if (job.claimedByYou) return html`<p class="state is-yours">${say('shop.withYou')}</p>`
    return html`<p class="state is-theirs">${say('shop.withOther', { name: job.claimedBy ?? say('shop.otherCounter') })}</p>`
  }

  get #stored(): JobFile[] {
    return this.details?.files.filter((file) => file.status === 'stored') ?? []
  }

  #files(): TemplateResult {
    if (!this.details) return html`<p class="quiet-text" role="status">${say('shop.loading')}</p>`
    return html`<ol class="job-files">
      ${repeat(
        this.#stored,
        (file) => file.id,
        (file) => this.#file(file),
      )}
    </ol>`
  }

  #file(file: JobFile): TemplateResult {
    const isOurs = isYours(this.job)
    const facts = [formatType(file.type), size(file.size)]
    if (file.pages) facts.unshift(count('common.pages', file.pages))
    return html`
      <li class="file">
        <span class="file-icon">${file.type.startsWith('image/') ? icons.picture : icons.document}</span>
        <div class="file-text">
          <h3><bdi>${file.name}</bdi></h3>
          <p class="file-facts">${facts.join(' · ')}</p>
          ${file.printOptions ? html`<p class="chips">${wishesOf(file.printOptions).map(chip)}</p>` : nothing}
          ${file.print ? this.#print(file.print) : nothing}
          ${file.scan === 'infected' ? html`<p class="warning">${icons.warning}<span>${say('shop.infected')}</span></p>` : nothing}
          ${file.locked ? html`<p class="warning">${icons.lock}<span>${say('shop.locked')}</span></p>` : nothing}
        </div>
        <div class="file-tools">
          ${isShowable(file)
            ? html`<button
                @click=${() => this.dispatchEvent(new FileShow(this.job, file, false))}
                aria-label=${say('shop.previewOf', { name: file.name })}
              >
                ${icons.eye}<span>${say('shop.preview')}</span>
              </button>`
            : nothing}
          ${isOurs && isShowable(file) && !file.locked
            ? html`<button
                @click=${() => this.dispatchEvent(new FileShow(this.job, file, true))}
                aria-label=${say('shop.printOf', { name: file.name })}
              >
                ${icons.print}<span>${say('shop.print')}</span>
              </button>`
            : nothing}
          ${isOurs && file.scan !== 'infected'
            ? html`<a
                class="button"
                href="/api/shopkeeper/files/${file.id}/download"
                download
                aria-label=${say('shop.downloadOf', { name: file.name })}
                @click=${() => this.#download([file])}
                >${icons.download}<span>${say('shop.download')}</span></a
              >`
            : nothing}
        </div>
      </li>
    `
  }

  #print(print: FilePrint): TemplateResult {
    const text = html`<span>${describePrint(print)}</span>`
    return isInTrouble(print) ? html`<p class="warning">${icons.warning}${text}</p>` : html`<p class="file-facts">${text}</p>`
  }

  #verbs(): TemplateResult | typeof nothing {
    const { job } = this
    if (job.status === 'pending') {
      return html`<div class="verbs">
        <button class="primary large" aria-disabled=${this.busy} @click=${() => this.#act('claim')}>${say('shop.take')}</button>
      </div>`
    }
    // What is at the printer can be given back at any counter: its PC may have died.
    const release = html`<button aria-disabled=${this.busy} @click=${() => this.#act('release')}>
      ${job.printing ? say('shop.giveBack') : say('shop.release')}
    </button>`
    if (!job.claimedByYou) return job.printing ? html`<div class="verbs">${release}</div>` : nothing
    return html`
      <div class="verbs">
        ${release}
        <a class="button" href="/api/shopkeeper/sessions/${job.sessionId}/download" download @click=${() => this.#download(this.#stored)}>
          ${icons.download}<span>${say('shop.downloadAll')}</span></a
        >
        <button class="primary large" aria-disabled=${this.busy} @click=${() => this.#act('complete')}>
          ${icons.check}<span>${say('shop.complete')}</span>
        </button>
      </div>
    `
  }

  #act(verb: Verb): void {
    if (!this.busy) this.dispatchEvent(new JobAct(this.job, verb, this.#stored))
  }

  #download(files: JobFile[]): void {
    this.dispatchEvent(new FilesHandled(this.job, files, true))
  }
}

/** Whether this counter has claimed the job: what it has not may be printed by another. */
export const isYours = (job: Job | undefined): boolean => job?.status === 'processing' && job.claimedByYou === true

/** Whether the job is still to be done. */
export const isLive = (job: Pick<Job, 'status'>): boolean => job.status === 'pending' || job.status === 'processing'

customElements.define('ct-job', CtJob)
