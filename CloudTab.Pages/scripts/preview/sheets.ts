/** Why a file cannot be shown, or not printed. */
export class PreviewFailure extends Error {
  constructor(readonly reason: 'password' | 'broken' | 'unsupported' | 'noPages') {
    super(reason)
  }
}

/** A sheet ready for paper, and its actual size in points (1/72 inch). */
export interface PrintedSheet {
  image: HTMLImageElement
  width: number
  height: number
}

/** An opened file: pages to look at and to print. */
export interface Sheets {
  count: number

  /** Fills an element; resolves once the first page can be seen. `label` has the places {page} and {pages}. */
  show(into: HTMLElement, label: string): Promise<void>

  /** One page, counted from 1, for a printer. */
  draw(page: number): Promise<PrintedSheet>
}
