import { html, nothing, type TemplateResult } from 'lit'
import { guard } from 'lit/directives/guard.js'
import { repeat } from 'lit/directives/repeat.js'
import { say } from '../shared/words.ts'
import type { Job } from './contract.ts'
import { chip, describePart, formatAge, formatExtent, formatPrice, summarizePrints, summarizeWishes, urgency } from './format.ts'
import { icons } from './icons.ts'

/** What is done with a row of the list. */
export interface RowActs {
  open(job: Job): void
  take(job: Job): void
}

/** The row of a job, for a selector. */
export const rowOf = (session: string): string => `[data-session="${session}"] .job-open`

/** A part of the list, if it has any jobs. */
export function section(heading: string, jobs: Job[], selected: Job | undefined, acts: RowActs): TemplateResult | typeof nothing {
  if (jobs.length === 0) return nothing
  return html`
    <div class="job-group">
      <h2 class="list-head">${heading} <span class="list-count">${jobs.length}</span></h2>
      <ol class="jobs">
        ${repeat(
          jobs,
          (job) => job.sessionId,
          (job) => row(job, job.sessionId === selected?.sessionId, acts),
        )}
      </ol>
    </div>
  `
}

/** A row that has not changed is not looked at: of 500 that is what makes drawing cheap. Rows off the screen cost no layout (shop.css). */
function row(job: Job, isSelected: boolean, acts: RowActs): TemplateResult {
  return html`${guard([job, isSelected, formatAge(job.submittedAt)], () => {
    const price = formatPrice(job.price)
    return html`
      <li class="job" data-urgency=${job.status === 'pending' ? urgency(job) : 'taken'} data-session=${job.sessionId}>
        <button class="job-open" aria-current=${isSelected ? 'true' : 'false'} @click=${() => acts.open(job)}>
          <span class="job-code">${job.pickupCode}</span>
          <span class="job-age">${formatAge(job.submittedAt)}</span>
          <span class="job-who"
            ><bdi>${job.customerName ?? say('shop.noName')}</bdi>${job.token
              ? html`<span class="token">${say('shop.token', { token: job.token })}</span>`
              : nothing}</span
          >
          ${price ? html`<span class="job-price">${price}</span>` : nothing}
          <span class="job-facts"
            >${formatExtent(job)} ${summarizeWishes(job.printOptions).map(chip)}
            ${payment(job)} ${print(job)}
            ${job.status === 'processing' && !job.claimedByYou
              ? html`<span class="chip">${job.claimedBy ?? say('shop.otherCounter')}</span>`
              : nothing}
          </span>
        </button>
        ${job.status === 'pending'
          ? html`<button
              class="take primary"
              aria-label=${say('shop.takeCode', { code: job.pickupCode })}
              @click=${() => acts.take(job)}
            >
              ${say('shop.take')}
            </button>`
          : nothing}
      </li>
    `
  })}`
}

function payment(job: Job): TemplateResult | typeof nothing {
  const part = describePart(job)
  if (part) return html`<span class="chip is-bad">${part}</span>`
  return job.paidAt ? html`<span class="chip is-good">${say('shop.paid')}</span>` : nothing
}

/** What the printer says of a job: first of all what somebody has to see to. */
function print(job: Job): TemplateResult | typeof nothing {
  const summary = summarizePrints(job.prints, job.fileCount)
  if (!summary) return nothing
  if (summary.isTrouble) return html`<span class="warning">${icons.warning}<span>${summary.text}</span></span>`
  return html`<span class=${summary.isDone ? 'chip is-good' : 'chip'}>${summary.text}</span>`
}
