import { getDocument, GlobalWorkerOptions, type PDFDocumentProxy, type PDFPageProxy } from 'pdfjs-dist/legacy/build/pdf.mjs'
import workerUrl from 'pdfjs-dist/legacy/build/pdf.worker.min.mjs?url'
import jbig2Url from 'pdfjs-dist/wasm/jbig2.wasm?url'
import dingbatsUrl from 'pdfjs-dist/standard_fonts/FoxitDingbats.pfb?url'
import symbolUrl from 'pdfjs-dist/standard_fonts/FoxitSymbol.pfb?url'
import openjpegUrl from 'pdfjs-dist/wasm/openjpeg.wasm?url'
import qcmsUrl from 'pdfjs-dist/wasm/qcms_bg.wasm?url'
import { PreviewFailure, type PrintedSheet, type Sheets } from './sheets.ts'

const pointsPerInch = 72
const printResolution = 200

/** Most pixels of one page: A3 at 200 dpi is 7.7 million. A page the size of a wall is drawn coarser, not out of memory. */
const mostPixels = 16_000_000

/** The width of a canvas that nothing was drawn on (HTML, the canvas element's default). */
const blank = 300

// What few files need, and is loaded only then: decoders of pictures, and the two fonts that no system has.
const parts: Record<string, string> = {
  'jbig2.wasm': jbig2Url,
  'openjpeg.wasm': openjpegUrl,
  'qcms_bg.wasm': qcmsUrl,
  'FoxitDingbats.pfb': dingbatsUrl,
  'FoxitSymbol.pfb': symbolUrl,
}

class Parts {
  async fetch({ filename }: { filename: string }): Promise<Uint8Array> {
    const response = await fetch(parts[filename] ?? '')
    if (!response.ok) throw new Error(`No ${filename}`)
    return new Uint8Array(await response.arrayBuffer())
  }
}

/**
 * A PDF by pdf.js. Nothing in the file can run: forms' and documents' scripts are not part of what is loaded (that is pdf.sandbox.mjs), and
 * `isEvalSupported: false` keeps pdf.js from making code of its fonts and functions (CVE-2024-4367).
 */
export async function openPdf(bytes: ArrayBuffer): Promise<Sheets> {
  GlobalWorkerOptions.workerPort ??= await startWorker()
  const loading = getDocument({
    data: bytes,
    isEvalSupported: false,
    enableXfa: false,
    useSystemFonts: true,
    useWorkerFetch: false,
    WasmFactory: Parts,
    wasmUrl: '/',
    StandardFontDataFactory: Parts,
    standardFontDataUrl: '/',
    maxImageSize: 100_000_000,
    stopAtErrors: false,
  })
  let pdf: PDFDocumentProxy
  try {
    pdf = await loading.promise
  } catch (failure) {
    throw new PreviewFailure(failure instanceof Error && failure.name === 'PasswordException' ? 'password' : 'broken')
  }
  return {
    count: pdf.numPages,
    show: (into, label) => show(pdf, into, label),
    draw: (page) => draw(pdf, page),
  }
}

/**
 * A document without an origin may start a worker from a blob only, and Chromium starts no module from one there: a classic one imports the
 * program. What is sent to it before the program listens would be lost, so its first word is waited for.
 */
async function startWorker(): Promise<Worker> {
  const program = JSON.stringify(new URL(workerUrl, location.href))
  const starter = URL.createObjectURL(
    new Blob([`import(${program}).catch((failure) => setTimeout(() => { throw failure }))`], { type: 'text/javascript' }),
  )
  const worker = new Worker(starter)
  await new Promise((ready, failed) => {
    worker.addEventListener('message', ready, { once: true })
    worker.addEventListener('error', failed, { once: true })
  })
  URL.revokeObjectURL(starter)
  return worker
}

async function show(pdf: PDFDocumentProxy, into: HTMLElement, label: string): Promise<void> {
  const first = await pdf.getPage(1)
  const { width, height } = first.getViewport({ scale: 1 })
  const sheets = Array.from({ length: pdf.numPages }, (_, index) => {
    const sheet = document.createElement('canvas')
    sheet.dataset['page'] = String(index + 1)
    sheet.setAttribute('role', 'img')
    sheet.setAttribute('aria-label', label.replace('{page}', String(index + 1)).replace('{pages}', String(pdf.numPages)))
    // Until a page is drawn it has the first one's shape: the scroll bar hardly jumps.
    sheet.style.aspectRatio = `${width} / ${height}`
    return sheet
  })
  into.replaceChildren(...sheets)
  await drawOnScreen(first, sheets[0]!)

  // Pages are drawn when they come near and forgotten when they are far: a book of 500 pages costs the memory of a few.
  const near = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const sheet = target as HTMLCanvasElement
        if (isIntersecting && sheet.width === blank)
          void pdf.getPage(Number(sheet.dataset['page'])).then((page) => drawOnScreen(page, sheet))
        else if (!isIntersecting && sheet.width !== blank) sheet.width = blank
      }
    },
    { rootMargin: '150% 0px' },
  )
  for (const sheet of sheets.slice(1)) near.observe(sheet)
}

async function drawOnScreen(page: PDFPageProxy, sheet: HTMLCanvasElement): Promise<void> {
  const { width } = page.getViewport({ scale: 1 })
  await paint(page, sheet, (sheet.clientWidth * devicePixelRatio) / width, 'display')
  sheet.style.aspectRatio = `${sheet.width} / ${sheet.height}`
}

async function draw(pdf: PDFDocumentProxy, number: number): Promise<PrintedSheet> {
  const page = await pdf.getPage(number)
  const { width, height } = page.getViewport({ scale: 1 })
  const canvas = document.createElement('canvas')
  await paint(page, canvas, printResolution / pointsPerInch, 'print')
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done))
  canvas.width = 0 // frees its memory now, not at the next collection
  if (!blob) throw new PreviewFailure('broken')
  const image = new Image()
  image.src = URL.createObjectURL(blob)
  await image.decode()
  URL.revokeObjectURL(image.src)
  return { image, width, height }
}

async function paint(page: PDFPageProxy, canvas: HTMLCanvasElement, wanted: number, intent: 'display' | 'print'): Promise<void> {
  const { width, height } = page.getViewport({ scale: 1 })
  const viewport = page.getViewport({ scale: Math.min(wanted, Math.sqrt(mostPixels / (width * height))) })
  canvas.width = Math.floor(viewport.width)
  canvas.height = Math.floor(viewport.height)
  await page.render({ canvas, viewport, background: '#fff', intent }).promise
}
