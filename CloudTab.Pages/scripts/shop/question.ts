import { html, nothing, render } from 'lit'
import { say } from '../shared/words.ts'
import { focusFirst, isFocusLost } from './element.ts'

/** What is asked before something that cannot be undone. */
export interface Question {
  title: string
  text: string
  yes: string

  /** Whether `yes` takes something away from somebody. */
  isDangerous?: boolean

  /** What a reason is asked by, which has to be given then. */
  reason?: string
}

/**
 * Asks in a dialog. The browser keeps the focus in it, closes it on Escape and gives the focus back to what had it.
 * @returns The reason, or an empty text where none is asked for; undefined if the answer is no.
 */
export async function ask({ title, text, yes, isDangerous, reason }: Question): Promise<string | undefined> {
  const dialog = document.createElement('dialog')
  dialog.className = 'question'
  dialog.setAttribute('aria-labelledby', 'question')
  dialog.setAttribute('aria-describedby', 'question-text')
  render(
    html`<form method="dialog">
      <h2 id="question">${title}</h2>
      <p id="question-text">${text}</p>
      ${reason
        ? html`<div class="field">
            <label for="reason">${reason}</label>
            <input id="reason" name="reason" required pattern=".*\\S.*" maxlength="200" autocomplete="off" />
          </div>`
        : nothing}
      <div class="verbs">
        <button type="button" @click=${() => dialog.close()}>${say('shop.cancel')}</button>
        <button class=${isDangerous ? 'danger' : 'primary'} value="yes">${yes}</button>
      </div>
    </form>`,
    dialog,
  )
  document.body.append(dialog)
  const closed = new Promise((done) => dialog.addEventListener('close', done, { once: true }))
  dialog.showModal()
  dialog.querySelector<HTMLElement>('#reason')?.focus()
  await closed
  const given = dialog.querySelector<HTMLInputElement>('#reason')?.value.trim() ?? ''
  dialog.remove()
  // What had asked may have been drawn anew meanwhile.
  if (isFocusLost()) focusFirst(['#job-code', '.job-open', '#search'])
  return dialog.returnValue === 'yes' ? given : undefined
}
