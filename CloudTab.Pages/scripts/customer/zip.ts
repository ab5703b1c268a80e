import { asText } from './bytes.ts'

const endSize = 22
const longestComment = 0xffff
const entrySize = 46
/** A document with 10,000 parts has less. */
const largest = 2 << 20

/**
 * The names in a ZIP archive's directory, as documents compare them: with slashes, none of them first (PKWARE's APPNOTE, 4.3.12 and 4.3.16).
 * @returns None if there is no record at the end. Null if the directory is not where that says: ZIP64 has another record.
 */
export async function namesIn(archive: Blob): Promise<string[] | null> {
  const tail = await read(archive, Math.max(0, archive.size - endSize - longestComment), archive.size)
  const end = asText(tail.bytes).lastIndexOf('PK\x05\x06')
  if (end < 0 || end + endSize > tail.bytes.length) return []
  const [size, start] = [tail.view.getUint32(end + 12, true), tail.view.getUint32(end + 16, true)]
  if (size > largest || start + size > archive.size) return null
  const { bytes, view } = await read(archive, start, start + size)
  const names: string[] = []
  for (let at = 0; at < size; ) {
    if (at + entrySize > size || view.getUint32(at, true) !== 0x02014b50) return null
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [number, number, number]
    names.push(asText(bytes.subarray(at + entrySize, at + entrySize + name)).replaceAll('\\', '/').replace(/^\/+/, ''))
    at += entrySize + name + extra + comment
  }
  return names
}

async function read(archive: Blob, from: number, to: number) {
  const bytes = new Uint8Array(await archive.slice(from, to).arrayBuffer())
  return { bytes, view: new DataView(bytes.buffer) }
}
