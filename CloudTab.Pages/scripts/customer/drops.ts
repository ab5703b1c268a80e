import type { ReactiveController, ReactiveControllerHost } from 'lit'

/** Files that are dropped or pasted anywhere on the page. */
export class Drops implements ReactiveController {
  constructor(private readonly host: ReactiveControllerHost & HTMLElement, private readonly came: (files: File[]) => void) {
    host.addController(this)
  }

  hostConnected() {
    addEventListener('dragover', this.dragged)
    addEventListener('dragleave', this.left)
    addEventListener('drop', this.dropped)
    addEventListener('paste', this.pasted)
  }

  hostDisconnected() {
    removeEventListener('dragover', this.dragged)
    removeEventListener('dragleave', this.left)
    removeEventListener('drop', this.dropped)
    removeEventListener('paste', this.pasted)
  }

  private readonly dragged = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes('Files')) return
    event.preventDefault()
    this.host.toggleAttribute('dropping', true)
  }

  private readonly left = (event: DragEvent) => {
    if (event.relatedTarget === null) this.host.removeAttribute('dropping')
  }

  private readonly dropped = (event: DragEvent) => {
    this.host.removeAttribute('dropping')
    if (!event.dataTransfer?.files.length) return
    event.preventDefault()
    this.came([...event.dataTransfer.files])
  }

  private readonly pasted = (event: ClipboardEvent) => {
    if (event.clipboardData?.files.length) this.came([...event.clipboardData.files])
  }
}
