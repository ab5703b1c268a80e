import { asText } from './bytes.ts'

/**
 * Counts a PDF's pages, and tells whether it opens without a password (ISO 32000-2). It reads what it needs and no more: the /Count at the root
 * of the page tree, where that is plain or in compressed object streams. What it does not understand it does not know: the server counts
 * again.
 */
const largest = 128 << 20

export interface PdfFacts {
  pages: number | null
  locked: boolean
}

export async function readPdf(file: Blob): Promise<PdfFacts> {
  if (file.size > largest) return { pages: null, locked: false }
  const bytes = new Uint8Array(await file.arrayBuffer())
  const text = asText(bytes)
  const reference = [...text.matchAll(/\/Encrypt\s+(\d+)\s+(\d+)\s+R/g)].at(-1)
  const inline = /\/Encrypt\s*<</.test(text)
  if (reference || inline) {
    const { needsPassword } = await import('./locked.ts')
    // Browsers have no cryptography over plain HTTP: then it is not known.
    const locked = await needsPassword(text, reference ? Number(reference[1]) : null).catch(() => false)
    return { pages: locked ? null : count(text, []), locked }
  }
  return { pages: count(text, await objectStreams(text, bytes)), locked: false }
}

/** The objects of a stream that compresses them together, by number, and where in the file it is. */
interface Packed {
  at: number
  objects: Map<number, string>
}

function count(text: string, packed: Packed[]): number | null {
  // With another PDF attached as it is, it is not clear which objects are whose.
  if (text.includes('%PDF-', text.indexOf('%PDF-') + 1)) return null
  const root = [...text.matchAll(/\/Root\s+(\d+)\s+\d+\s+R/g)].at(-1)
  const catalog = root && find(Number(root[1]), text, packed)
  const tree = /\/Pages\s+(\d+)\s+\d+\s+R/.exec(catalog ?? '')
  const pages = tree && find(Number(tree[1]), text, packed)
  if (!pages || !/\/Type\s*\/Pages(?![A-Za-z])/.test(pages)) return null
  return Number(/\/Count\s+(\d+)(?!\d|\s+\d+\s+R)/.exec(pages)?.[1] ?? 0) || null
}

/** An object as it was written last: whatever changes a PDF may append the new version, and leave the old one where it is (7.5.6). */
function find(number: number, text: string, packed: Packed[]): string | null {
  const plain = [...text.matchAll(new RegExp(`(?<!\\d)${number}\\s+\\d+\\s+obj(?![A-Za-z])`, 'g'))].at(-1)
  const stream = packed.filter(({ objects }) => objects.has(number)).at(-1)
  if (stream && stream.at > (plain?.index ?? -1)) return stream.objects.get(number)!
  if (!plain) return null
  const end = text.indexOf('endobj', plain.index)
  return end < 0 ? null : text.slice(plain.index, end)
}

/** The objects that are compressed together, 7.5.7: pairs of numbers and offsets, and from /First on the objects. */
async function objectStreams(text: string, bytes: Uint8Array<ArrayBuffer>): Promise<Packed[]> {
  const found: Packed[] = []
  for (const match of text.matchAll(/\/Type\s*\/ObjStm[^]{0,300}?stream\r?\n/g)) {
    const from = match.index + match[0].length
    const to = text.indexOf('endstream', from)
    if (to < 0) break
    try {
      const inflated = new Blob([bytes.subarray(from, to)]).stream().pipeThrough(new DecompressionStream('deflate'))
      const content = await readWhatComes(inflated)
      const first = Number(/\/First\s+(\d+)/.exec(text.slice(text.lastIndexOf('obj', match.index), from))?.[1])
      const numbers = content.slice(0, first).trim().split(/\s+/).map(Number)
      const objects = new Map<number, string>()
      for (let pair = 0; pair + 1 < numbers.length; pair += 2) objects.set(numbers[pair]!, content.slice(first + numbers[pair + 1]!, first + (numbers[pair + 3] ?? Infinity)))
      found.push({ at: match.index, objects })
    } catch {
      // Another filter than FlateDecode: then its objects are not known.
    }
  }
  return found
}

/** All that comes before an error: behind a stream's data there may be an end of line, which is too much for the decoder. */
async function readWhatComes(stream: ReadableStream<Uint8Array>): Promise<string> {
  const reader = stream.getReader()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text
      text += asText(value)
    }
  } catch {
    return text
  }
}
