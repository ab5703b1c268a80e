/**
 * Counts a PDF's pages, and tells whether it opens without a password (ISO 32000-2). It reads what it needs and no more: the largest /Count
 * of a page tree's nodes, where they are plain or in compressed object streams. What it does not understand it does not know: the server
 * counts again.
 */
const largest = 128 << 20

export interface PdfFacts {
  pages: number | null
  locked: boolean
}

export async function readPdf(file: Blob): Promise<PdfFacts> {
  if (file.size > largest) return { pages: null, locked: false }
  const bytes = new Uint8Array(await file.arrayBuffer())
  const text = new TextDecoder('latin1').decode(bytes)
  const reference = [...text.matchAll(/\/Encrypt\s+(\d+)\s+(\d+)\s+R/g)].at(-1)
  const inline = /\/Encrypt\s*<</.test(text)
  if (reference || inline) {
    const { needsPassword } = await import('./locked.ts')
    // Browsers have no cryptography over plain HTTP: then it is not known.
    const locked = await needsPassword(text, reference ? Number(reference[1]) : null).catch(() => false)
    return { pages: locked ? null : count([text]), locked }
  }
  return { pages: count([text, ...(await objectStreams(text, bytes))]), locked: false }
}

function count(texts: string[]): number | null {
  let most = 0
  for (const text of texts) {
    for (const { 0: node, index } of text.matchAll(/\/Type\s*\/Pages(?![A-Za-z])/g)) {
      const [from, to] = dictionaryAround(text, index, node.length)
      most = Math.max(most, Number(/\/Count\s+(\d+)/.exec(text.slice(from, to))?.[1] ?? 0))
    }
  }
  return most || null
}

/** From the `<<` that opens the dictionary around a position to the `>>` that closes it. */
function dictionaryAround(text: string, index: number, length: number): [number, number] {
  let [from, to] = [index, index + length]
  for (let depth = 0; from > 0; from--) {
    const pair = text.slice(from - 2, from)
    if (pair === '>>') depth++
    else if (pair === '<<' && depth-- === 0) break
    if (pair === '>>' || pair === '<<') from--
  }
  for (let depth = 0; to < text.length; to++) {
    const pair = text.slice(to, to + 2)
    if (pair === '<<') depth++
    else if (pair === '>>' && depth-- === 0) break
    if (pair === '>>' || pair === '<<') to++
  }
  return [from, to]
}

/** The objects that are compressed together, 7.5.7. */
async function objectStreams(text: string, bytes: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const found: string[] = []
  for (const match of text.matchAll(/\/Type\s*\/ObjStm[^]{0,300}?stream\r?\n/g)) {
    const from = match.index + match[0].length
    const to = text.indexOf('endstream', from)
    if (to < 0) break
    try {
      const inflated = new Blob([bytes.subarray(from, to)]).stream().pipeThrough(new DecompressionStream('deflate'))
      found.push(await readWhatComes(inflated))
    } catch {
      // Another filter than FlateDecode: then its objects are not known.
    }
  }
  return found
}

/** All that comes before an error: behind a stream's data there may be an end of line, which is too much for the decoder. */
async function readWhatComes(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader()
  const decoder = new TextDecoder('latin1')
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text
      text += decoder.decode(value)
    }
  } catch {
    return text
  }
}
