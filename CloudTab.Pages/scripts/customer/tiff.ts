import { longestLook, tellsPlace } from './bytes.ts'
import type { Photo } from './photo.ts'

/** Directories that programs made of the picture's history: Exif's and the place's (Exif 3.0, 4.6.3). */
const [exif, place] = [0x8769, 0x8825]
const xmp = 0x02bc
/** What else is told: description, maker and model, program, date, artist, computer; XMP, IPTC, Photoshop's. */
const told = [0x010e, 0x010f, 0x0110, 0x0131, 0x0132, 0x013b, 0x013c, xmp, 0x83bb, 0x8649]
/** Bytes of one value of each type (TIFF 6.0, section 2). */
const sizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4]
/** Of one of these. Cameras and programs write some megabytes at most. */
const largestTold = 64 << 20

/**
 * Each directory loses its entries for these, and what they lead to becomes zeros; nothing else moves. A scan may be larger than what a browser
 * can read at once, so only its directories are read.
 * @returns Null if there are none.
 */
export async function cleanTiff(file: Blob): Promise<Photo | null> {
  const header = await read(file, 0, 8)
  if (header.byteLength < 8) return null
  const little = header.getUint8(0) === 0x49
  const changes: Change[] = []
  // A damaged count does not cost the picture.
  const isApart = ({ value, size }: Entry) => size > 4 && size <= largestTold && value + size <= file.size
  const erase = (entry: Entry) => {
    if (isApart(entry)) changes.push({ at: entry.value, size: entry.size, bytes: null })
  }
  let [hadPlace, isChanged] = [false, false]
  const seen = new Set<number>()
  for (let at = header.getUint32(4, little); at !== 0 && !seen.has(at); ) {
    seen.add(at)
    const directory = await readDirectory(file, at, little)
    const kept: Entry[] = []
    for (const entry of directory.entries) {
      const isDirectory = entry.tag === exif || entry.tag === place
      if (!isDirectory && !told.includes(entry.tag)) {
        kept.push(entry)
        continue
      }
      hadPlace ||= entry.tag === place || (entry.tag === xmp && isApart(entry) && (await tellsPlaceIn(file.slice(entry.value, entry.value + entry.size))))
      if (isDirectory) {
        // One that lies behind a cut has no entries.
        const { entries } = await readDirectory(file, entry.value, little)
        for (const inner of entries) erase(inner)
        changes.push({ at: entry.value + 2, size: 12 * entries.length, bytes: null })
      }
      erase(entry)
    }
    if (kept.length < directory.entries.length) {
      isChanged = true
      changes.push({ at, size: directory.size, bytes: directoryOf(kept, directory, little) })
    }
    at = directory.next
  }
  return isChanged ? { blob: changed(file, changes), hadPlace } : null
}

interface Entry {
  tag: number
  /** Bytes of its value, and where that is if there are more than four. */
  size: number
  value: number
  bytes: Uint8Array<ArrayBuffer>
}

interface Directory {
  entries: Entry[]
  next: number
  /** Bytes of it that are in the file. */
  size: number
}

/** TIFF 6.0, section 2. One that is cut has the entries before the cut, and is the last one. */
async function readDirectory(file: Blob, at: number, little: boolean): Promise<Directory> {
  // Enough for most, so that each is one read.
  let view = await read(file, at, at + 512)
  const count = view.byteLength < 2 ? 0 : view.getUint16(0, little)
  const end = 2 + 12 * count
  if (end + 4 > view.byteLength) view = await read(file, at, at + end + 4)
  const entries: Entry[] = []
  for (let from = 2; from < end && from + 12 <= view.byteLength; from += 12) {
    const size = (sizes[view.getUint16(from + 2, little)] ?? 1) * view.getUint32(from + 4, little)
    entries.push({ tag: view.getUint16(from, little), size, value: view.getUint32(from + 8, little), bytes: new Uint8Array(view.buffer, from, 12) })
  }
  return { entries, next: end + 4 <= view.byteLength ? view.getUint32(end, little) : 0, size: Math.min(end + 4, view.byteLength) }
}

/** As long as before: those behind a lost entry move up, and zeros come in at the end. */
function directoryOf(entries: Entry[], { next, size }: Directory, little: boolean): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, entries.length, little)
  for (const [index, entry] of entries.entries()) bytes.set(entry.bytes, 2 + 12 * index)
  view.setUint32(2 + 12 * entries.length, next, little)
  return bytes
}

const read = async (file: Blob, from: number, to: number) => new DataView(await file.slice(from, to).arrayBuffer())

async function tellsPlaceIn(part: Blob): Promise<boolean> {
  return tellsPlace(new Uint8Array(await part.slice(0, longestLook).arrayBuffer()))
}

/** Bytes that take the place of a file's; null: zeros. */
interface Change {
  at: number
  size: number
  bytes: Uint8Array<ArrayBuffer> | null
}

function changed(file: Blob, changes: Change[]): Blob {
  const parts: BlobPart[] = []
  let end = 0
  for (const { at, size, bytes } of changes.sort((one, other) => one.at - other.at)) {
    // Pages may share a value.
    const known = Math.max(0, end - at)
    if (known >= size) continue
    if (at > end) parts.push(file.slice(end, at))
    parts.push(bytes?.subarray(known) ?? new Uint8Array(size - known))
    end = at + size
  }
  return new Blob([...parts, file.slice(end)], { type: 'image/tiff' })
}
