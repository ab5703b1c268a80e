import '../../styles/preview.css'
import type { FromFrame, Shown, ToFrame } from './messages.ts'
import { openPdf } from './pdf.ts'
import { openPicture } from './picture.ts'
import { PreviewFailure, type Sheets } from './sheets.ts'
import { printSheets } from './printing.ts'

// The document is sandboxed: it has no origin, so nothing of the shop's session is within its reach, and its policy lets it load nothing but
// its own program. It hears the page around it, shows one file, and prints it.
const owner = new URL(location.href).origin
let sheets: Sheets | undefined
let shown: Shown | undefined

const tell = (message: FromFrame): void => parent.postMessage(message, owner)

const fail = (failure: unknown): void => tell({ type: 'failed', reason: failure instanceof PreviewFailure ? failure.reason : 'broken' })

async function show(file: Shown): Promise<void> {
  try {
    sheets =
      file.mediaType === 'application/pdf' ? await openPdf(file.bytes) : await openPicture(file.bytes, file.mediaType, file.words.picture)
    shown = file
    await sheets.show(document.getElementById('sheets')!, file.words.page)
    tell({ type: 'shown', pages: sheets.count })
  } catch (failure) {
    fail(failure)
  }
}

async function print(): Promise<void> {
  try {
    if (sheets && shown) await printSheets(sheets, shown.options)
    tell({ type: 'printed' })
  } catch (failure) {
    fail(failure)
  }
}

addEventListener('message', (message: MessageEvent<ToFrame>) => {
  if (message.source !== parent || message.origin !== owner) return
  if (message.data.type === 'show') void show(message.data)
  else void print()
})
tell({ type: 'ready' })
