import type { PrintOptions } from '../shop/contract.ts'
import { pagesOf } from './pages.ts'
import type { Sheets } from './sheets.ts'

const papers = { a4: 'A4', a3: 'A3', letter: 'letter' }

/** CSS Paged Media 3, 7.1: a name may be turned, two lengths may not. */
function pageSize(media: PrintOptions['media'], isWide: boolean): string {
  if (media === 'photo') return isWide ? '6in 4in' : '4in 6in'
  return `${papers[media]} ${isWide ? 'landscape' : 'portrait'}`
}

/**
 * Prints the pages that the customer asked for, on paper of the size asked for, turned as the first page is. The browser's own dialog has
 * the copies, the colour and the sides: no page can set them.
 */
export async function printSheets(sheets: Sheets, options: PrintOptions): Promise<void> {
  const pages = pagesOf(options.pageRanges, sheets.count)
  const printed: HTMLElement[] = []
  let isWide = false
  for (const page of pages) {
    const { image, width, height } = await sheets.draw(page)
    if (page === pages[0]) isWide = image.naturalWidth > image.naturalHeight
    const sheet = document.createElement('div')
    if (options.scaling === 'none') {
      sheet.className = 'actual'
      image.style.width = `${width}pt`
      image.style.height = `${height}pt`
    }
    sheet.append(image)
    printed.push(sheet)
  }
  const paper = new CSSStyleSheet()
  paper.replaceSync(`@page { size: ${pageSize(options.media, isWide)}; margin: 0 }`)
  document.adoptedStyleSheets = [paper]
  const print = document.getElementById('print')!
  print.replaceChildren(...printed)
  // Some browsers return from `print` while the dialog is still open.
  addEventListener('afterprint', () => print.replaceChildren(), { once: true })
  window.print()
}
