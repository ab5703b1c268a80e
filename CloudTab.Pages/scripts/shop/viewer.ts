import { html, nothing, type TemplateResult } from 'lit'
import { say } from '../shared/words.ts'
import type { FromFrame, Shown } from '../preview/messages.ts'
import { request } from './api.ts'
import type { JobFile, PrintOptions } from './contract.ts'
import { CtElement } from './element.ts'
import { chip, wishesOf } from './format.ts'
import { icons } from './icons.ts'
import { explain } from './notices.ts'

const defaults: PrintOptions = { copies: 1, colorMode: 'monochrome', sides: 'one-sided', pageRanges: null, media: 'a4', scaling: 'fit' }

/**
 * A file on the screen, and from there on paper. What a stranger has sent is never opened in this page's origin: the bytes go to a frame
 * that has no origin, no cookie and no way out, and only that frame decodes them.
 */
export class CtViewer extends CtElement {
  static override properties = { mayPrint: { attribute: false }, file: { state: true }, problem: { state: true }, state: { state: true }, pages: { state: true } }

  /** Whether this counter has the job now. It may lose it while the file is shown. */
  declare mayPrint: boolean

  declare private file: JobFile | undefined
  declare private problem: string | undefined
  declare private state: 'loading' | 'shown' | 'printing' | 'failed'
  declare private pages: number

  /** Called when the print dialog was opened for a file, or its download was asked for. */
  handled: (file: JobFile, isDownload: boolean) => void = () => undefined

  #printWhenShown = false
  #wasYours = false
  #loading: AbortController | undefined
  readonly #listen = (message: MessageEvent<FromFrame>): void => this.#hear(message)

  override connectedCallback(): void {
    super.connectedCallback()
    addEventListener('message', this.#listen)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    removeEventListener('message', this.#listen)
  }

  /** Shows a file; with `print` the print dialog opens as soon as the file can be seen. */
  async open(file: JobFile, print = false): Promise<void> {
    // Another file may have been closed a moment ago, and its dialog not have said so yet: this one gets a dialog of its own.
    if (this.file) {
      this.#forget()
      await this.updateComplete
    }
    this.file = file
    this.problem = undefined
    this.state = 'loading'
    this.pages = 0
    this.#printWhenShown = print
    this.#wasYours = this.mayPrint
    await this.updateComplete
    this.#dialog?.showModal()
  }

  /** Closes what is open: the file is gone, or somebody else's. */
  close(): void {
    this.#dialog?.close()
  }

  get #dialog(): HTMLDialogElement | null {
    return this.querySelector('dialog')
  }

  get #frame(): HTMLIFrameElement | null {
    return this.querySelector('iframe')
  }

  protected override render(): TemplateResult | typeof nothing {
    const file = this.file
    if (!file) return nothing
    const wishes = wishesOf(file.printOptions ?? defaults)
    return html`
      <dialog class="viewer" aria-labelledby="viewer-name" @close=${this.#closed}>
        <div class="viewer-head">
          <div class="viewer-title">
            <h2 id="viewer-name"><bdi>${file.name}</bdi></h2>
            <p class="chips">${wishes.map(chip)}</p>
          </div>
          <div class="viewer-tools">
            ${this.mayPrint
              ? html`<button class="primary" aria-disabled=${this.state !== 'shown'} @click=${this.#print}>
                    ${icons.print}<span>${this.state === 'printing' ? say('shop.preparing') : say('shop.print')}</span>
                  </button>
                  <a class="button" href="/api/shopkeeper/files/${file.id}/download" download @click=${() => this.handled(file, true)}
                    >${icons.download}<span>${say('shop.download')}</span></a
                  >`
              : this.#wasYours
                ? html`<p class="warning" role="alert">${say('shop.problem.not_claimed')}</p>`
                : nothing}
            <button class="quiet" aria-label=${say('shop.close')} @click=${() => this.close()}>${icons.close}</button>
          </div>
        </div>
        <div class="viewer-body">
          ${this.problem
            ? html`<p class="viewer-problem" role="alert">${this.problem}</p>`
            : html`<iframe
                sandbox="allow-scripts allow-modals"
                src="/shop/preview"
                title=${say('shop.previewOf', { name: file.name })}
              ></iframe>`}
          ${this.state === 'loading' ? html`<p class="viewer-wait" role="status">${say('shop.loading')}</p>` : nothing}
        </div>
      </dialog>
    `
  }

  #hear(message: MessageEvent<FromFrame>): void {
    if (!this.#frame || message.source !== this.#frame.contentWindow) return
    switch (message.data.type) {
      case 'ready':
        void this.#load()
        break
      case 'shown':
        this.state = 'shown'
        this.pages = message.data.pages
        if (this.#printWhenShown) this.#print()
        this.#printWhenShown = false
        break
      case 'printed':
        this.state = 'shown'
        if (this.file) this.handled(this.file, false)
        break
      case 'failed':
        this.#fail(say(`shop.preview.${message.data.reason}`))
        break
    }
  }

  async #load(): Promise<void> {
    const file = this.file
    if (!file) return
    const loading = (this.#loading = new AbortController())
    try {
      const response = await request('GET', `/files/${file.id}/preview`, undefined, '*/*', loading.signal)
      const bytes = await response.arrayBuffer()
      if (file !== this.file) return
      const shown: Shown = {
        type: 'show',
        mediaType: response.headers.get('content-type') ?? '',
        bytes,
        options: file.printOptions ?? defaults,
        words: { page: say('shop.pageOf'), picture: file.name },
      }
      // The frame has no origin that could be named here; what is posted goes to the document that we put there and to no other: it cannot navigate.
      this.#frame?.contentWindow?.postMessage(shown, '*', [bytes])
    } catch (failure) {
      if (file === this.file) this.#fail(explain(failure))
    }
  }

  #print(): void {
    if (!this.file || !this.mayPrint || this.state !== 'shown') return
    this.state = 'printing'
    this.#frame?.contentWindow?.postMessage({ type: 'print' }, '*')
  }

  #fail(problem: string): void {
    this.problem = problem
    this.state = 'failed'
  }

  #closed(event: Event): void {
    if (event.target === this.#dialog) this.#forget()
  }

  #forget(): void {
    this.#loading?.abort()
    this.file = undefined
  }
}

customElements.define('ct-viewer', CtViewer)
