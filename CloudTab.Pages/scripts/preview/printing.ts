import type { PrintOptions } from '../shop/contract.ts'
import { pagesOf } from './pages.ts'
import { PreviewFailure, type Sheets } from './sheets.ts'

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
  if (pages.length === 0) throw new PreviewFailure('noPages')
  const numberUp = options.numberUp ?? 1
  const printed: HTMLElement[] = []
  let isWide = false
  // A single page fills all places of its sheet.
  const wanted = pages.length === 1 ? Array.from({ length: numberUp }, () => pages[0]!) : pages
  for (const [index, page] of wanted.entries()) {
    const { image, width, height } = await sheets.draw(page)
    if (index === 0) isWide = image.naturalWidth > image.naturalHeight
    if (index % numberUp === 0) {
      const sheet = document.createElement('div')
      sheet.dataset.numberUp = String(numberUp)
      if (options.scaling === 'none') sheet.className = 'actual'
      // Two pages lie beside each other along the longer side. A place does not grow with its page.
      if (numberUp > 1) sheet.style.gridTemplateColumns = `repeat(${numberUp === 4 || !isWide ? 2 : 1}, minmax(0, 1fr))`
      printed.push(sheet)
    }
    if (options.scaling === 'none') {
      image.style.width = `${width}pt`
      image.style.height = `${height}pt`
    }
    printed.at(-1)!.append(image)
  }
  if (numberUp === 2) isWide = !isWide
  const paper = new CSSStyleSheet()
  paper.replaceSync(`@page { size: ${pageSize(options.media, isWide)}; margin: 0 }`)
  document.adoptedStyleSheets = [paper]
  const print = document.getElementById('print')!
  print.replaceChildren(...printed)
  // Some browsers return from `print` while the dialog is still open.
  addEventListener('afterprint', () => print.replaceChildren(), { once: true })
  window.print()
}
