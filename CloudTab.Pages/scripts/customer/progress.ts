import { html, type TemplateResult } from 'lit'
import { count, say } from '../shared/words.ts'
import { size } from '../shared/format.ts'
import type { Progress } from './uploads.ts'

/** How far all files are, in the place of the form that chooses them. */
export function progressPanel({ sent, total, secondsLeft }: Progress, isConnected: boolean, cancel: () => void): TemplateResult {
  const percent = total === 0 ? 0 : Math.floor((100 * sent) / total)
  return html`
    <div class="upload" role="group" tabindex="-1" aria-label=${say('customer.sending')}>
      <p class="percent"><b>${percent}<small>%</small></b> <span>${isConnected ? timeLeft(secondsLeft) : say('customer.state.retrying')}</span></p>
      <progress max="100" .value=${percent} aria-label=${say('customer.sending')}>${percent} %</progress>
      <p class="hint">${say('customer.sending.hint', { sent: size(sent), total: size(total) })}</p>
      <button type="button" class="small" @click=${cancel}>${say('customer.cancel')}</button>
    </div>`
}

function timeLeft(seconds: number | null): string {
  if (seconds === null) return say('customer.left.unknown')
  if (seconds < 5) return say('customer.left.soon')
  return seconds < 90 ? count('customer.left.seconds', Math.ceil(seconds / 5) * 5) : count('customer.left.minutes', Math.ceil(seconds / 60))
}
