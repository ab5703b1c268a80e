import { asText, tellsPlace } from './bytes.ts'
import { cleanTiff } from './tiff.ts'

/**
 * Photos leave without what they tell besides the picture: where and when they were taken, by which phone, and the small pictures inside that
 * tell it once more. The picture's own bytes stay as they are. What stays of a JPEG's Exif is which way is up; few programs look for that in a
 * PNG or a WebP, so those are drawn upright. Of a TIFF the place goes, and what programs write about the picture.
 */

/** Clockwise quarters. */
export type Turn = 0 | 1 | 2 | 3

/** A page of A4 at 300 dots an inch is 3,508 dots long, and 2,480 wide. */
const printEdge = 3508
const printWidth = 2480
/** White around each side of a card: printers cannot print to the edge. */
const margin = 150
const tooFew = 0.8

export interface Photo {
  blob: Blob
  /** Whether something told where it was taken. */
  hadPlace: boolean
}

const text = (bytes: Uint8Array, from: number, length: number) => asText(bytes.subarray(from, from + length))

/** The file without its metadata; HEIC as it is. */
export async function clean(file: Blob, type: string, turn: Turn): Promise<Photo> {
  if (!/jpeg|png|webp|tiff/.test(type)) return { blob: file, hadPlace: false }
  if (type === 'image/tiff') return (await cleanTiff(file)) ?? { blob: file, hadPlace: false }
  const bytes = new Uint8Array(await file.arrayBuffer())
  if (type === 'image/jpeg') return cleanJpeg(bytes, turn)
  const { blob, hadPlace, orientation } = type === 'image/png' ? cleanPng(bytes) : cleanWebp(bytes)
  const after = turned(orientation, turn)
  return { hadPlace, blob: after === 1 ? blob : await redraw(blob, type, after, Infinity) }
}

/** The picture in print resolution, as JPEG, or null if that would save little. */
export async function shrink(file: Blob): Promise<Blob | null> {
  const smaller = await redraw(file, 'image/jpeg', 1, printEdge)
  return smaller.size < file.size * tooFew ? smaller : null
}

/** Two pictures, one below the other and each as large as it gets, on a page of A4: a card's front and back. */
export async function onOnePage(files: readonly [Blob, Blob]): Promise<Blob> {
  const context = paint(printWidth, printEdge, 'image/jpeg')
  const [width, height] = [printWidth - 2 * margin, printEdge / 2 - 1.5 * margin]
  for (const [index, file] of files.entries()) {
    // One after the other: phones run out of memory over two.
    const picture = await createImageBitmap(file)
    const scale = Math.min(width / picture.width, height / picture.height)
    const middle = margin + height / 2 + index * (height + margin)
    context.drawImage(picture, (printWidth - picture.width * scale) / 2, middle - (picture.height * scale) / 2, picture.width * scale, picture.height * scale)
    picture.close()
  }
  return encode(context, 'image/jpeg', 0.9)
}

/** A small picture for the list. Decoded at once in that size: phones run out of memory over the whole. */
export async function thumbnail(file: Blob): Promise<Blob | null> {
  try {
    const picture = await createImageBitmap(file, { resizeWidth: 144, resizeQuality: 'medium' })
    return await draw(picture, 1, picture.width, picture.height, 'image/webp', 0.7)
  } catch {
    return null // HEIC, in most browsers
  }
}

/** @returns The picture in this type, or in PNG if the browser cannot write it: Safari writes no WebP. */
async function redraw(file: Blob, type: string, orientation: number, longest: number): Promise<Blob> {
  const whole = await createImageBitmap(file)
  const scale = Math.min(1, longest / Math.max(whole.width, whole.height))
  return draw(whole, orientation, Math.round(whole.width * scale), Math.round(whole.height * scale), type, 0.9)
}

async function draw(picture: ImageBitmap, orientation: number, width: number, height: number, type: string, quality: number): Promise<Blob> {
  const { turn, isMirrored } = upright[orientation]!
  const context = turn % 2 ? paint(height, width, type) : paint(width, height, type)
  context.translate(context.canvas.width / 2, context.canvas.height / 2)
  context.rotate((turn * Math.PI) / 2)
  if (isMirrored) context.scale(-1, 1)
  context.drawImage(picture, -width / 2, -height / 2, width, height)
  picture.close()
  return encode(context, type, quality)
}

/** An empty canvas. JPEG has no transparency, it would be black: white. */
function paint(width: number, height: number, type: string): CanvasRenderingContext2D {
  const canvas = document.createElement('canvas')
  ;[canvas.width, canvas.height] = [width, height]
  const context = canvas.getContext('2d')!
  context.imageSmoothingQuality = 'high'
  if (type === 'image/jpeg') {
    context.fillStyle = '#fff'
    context.fillRect(0, 0, width, height)
  }
  return context
}

async function encode({ canvas }: CanvasRenderingContext2D, type: string, quality: number): Promise<Blob> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, type, quality))
  if (!blob) throw new Error('The picture is too large for this browser.')
  return blob
}

/** ITU T.81, B.1.1: markers with their lengths, then the scans up to the end of the image. Cameras put further pictures behind it. */
function cleanJpeg(bytes: Uint8Array<ArrayBuffer>, turn: Turn): Photo {
  const kept: BlobPart[] = []
  let [orientation, hadPlace, hasScan, at] = [1, false, false, 2]
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) {
      at++ // stray bytes, which viewers skip too
      continue
    }
    const marker = bytes[at + 1]!
    if (marker === 0xff) {
      at++ // fill bytes
      continue
    }
    if (marker === 0xd9) break
    const end = at + 2 + (bytes[at + 2]! << 8) + bytes[at + 3]!
    if (marker === 0xe1 && text(bytes, at + 4, 4) === 'Exif') {
      const exif = readExif(bytes.subarray(at + 10, end))
      orientation = exif.orientation
      hadPlace ||= exif.hasPlace
    } else if (isMetadata(marker, bytes, at)) {
      hadPlace ||= tellsPlace(bytes.subarray(at, end))
    } else {
      kept.push(bytes.subarray(at, end))
    }
    at = end
    if (marker !== 0xda) continue
    hasScan = true
    const from = at
    while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0 && bytes[at + 1] !== 0xff && (bytes[at + 1]! & 0xf8) !== 0xd0)) at++
    kept.push(bytes.subarray(from, at))
  }
  if (!hasScan) throw new Error('There is no picture in this JPEG.')
  const after = turned(orientation, turn)
  const parts = [new Uint8Array([0xff, 0xd8]), ...(after === 1 ? [] : [exifWith(after)]), ...kept, new Uint8Array([0xff, 0xd9])]
  return { blob: new Blob(parts, { type: 'image/jpeg' }), hadPlace }
}

/** Exif and XMP (APP1), lists of further pictures (APP2 MPF), Photoshop's and makers' segments, comments. Not JFIF, colour profiles, Adobe's colour transform. */
const isMetadata = (marker: number, bytes: Uint8Array, at: number) =>
  marker === 0xfe || (marker >= 0xe1 && marker <= 0xef && marker !== 0xee && !(marker === 0xe2 && text(bytes, at + 4, 11) === 'ICC_PROFILE'))

/** TIFF 6.0, section 2: the first directory's entries of 12 bytes. */
function readExif(tiff: Uint8Array): { orientation: number; hasPlace: boolean } {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength)
  const found = { orientation: 1, hasPlace: false }
  try {
    const little = view.getUint16(0) === 0x4949
    const directory = view.getUint32(4, little)
    for (let left = view.getUint16(directory, little), at = directory + 2; left > 0; left--, at += 12) {
      const tag = view.getUint16(at, little)
      if (tag === 0x0112) found.orientation = view.getUint16(at + 8, little)
      if (tag === 0x8825) found.hasPlace = true
    }
  } catch {
    // Cut short: nothing of it is kept anyway.
  }
  return found
}

/** How each of Exif's orientations is drawn upright: mirrored first, then turned clockwise. */
const upright: Record<number, { turn: Turn; isMirrored: boolean }> = Object.fromEntries(
  [1, 6, 3, 8, 2, 7, 4, 5].map((orientation, index) => [orientation, { turn: (index % 4) as Turn, isMirrored: index >= 4 }]),
)

/** Each of Exif's orientations, turned clockwise by a quarter: 1 up, 6 right, 3 down, 8 left; the others are mirrored. */
const clockwise: Record<number, number> = { 1: 6, 6: 3, 3: 8, 8: 1, 2: 7, 7: 4, 4: 5, 5: 2 }

function turned(orientation: number, turn: Turn): number {
  let after = orientation in clockwise ? orientation : 1
  for (let left = turn as number; left > 0; left--) after = clockwise[after]!
  return after
}

function exifWith(orientation: number): Uint8Array<ArrayBuffer> {
  const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
  return new Uint8Array([0xff, 0xe1, 0, tiff.length + 8, 0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff])
}

/** PNG, 11.3: without eXIf and texts. */
function cleanPng(bytes: Uint8Array<ArrayBuffer>): Photo & { orientation: number } {
  const view = new DataView(bytes.buffer)
  const kept: BlobPart[] = [bytes.subarray(0, 8)]
  let [orientation, hadPlace] = [1, false]
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + view.getUint32(at)
    const name = text(bytes, at + 4, 4)
    if (name === 'eXIf') {
      const exif = readExif(bytes.subarray(at + 8, end))
      orientation = exif.orientation
      hadPlace ||= exif.hasPlace
    } else if (/^([tiz]{1,2}TXt|tEXt|tIME)$/.test(name)) {
      hadPlace ||= tellsPlace(bytes.subarray(at, end))
    } else {
      kept.push(bytes.subarray(at, end))
    }
    at = end
    if (name === 'IEND') break
  }
  return { blob: new Blob(kept, { type: 'image/png' }), hadPlace, orientation }
}

/** WebP container specification: without EXIF and XMP, and the flags that announce them. */
function cleanWebp(bytes: Uint8Array<ArrayBuffer>): Photo & { orientation: number } {
  const view = new DataView(bytes.buffer)
  const kept: Uint8Array<ArrayBuffer>[] = []
  let [orientation, hadPlace] = [1, false]
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true)
    const name = text(bytes, at, 4)
    const chunk = bytes.slice(at, at + 8 + size + (size & 1))
    if (name === 'EXIF') {
      const from = text(chunk, 8, 4) === 'Exif' ? 14 : 8
      const exif = readExif(chunk.subarray(from))
      orientation = exif.orientation
      hadPlace ||= exif.hasPlace
    } else if (name === 'XMP ') {
      hadPlace ||= tellsPlace(chunk)
    } else {
      if (name === 'VP8X') chunk[8]! &= ~0x0c
      kept.push(chunk)
    }
    at += chunk.length
  }
  const header = new Uint8Array(12)
  header.set(bytes.subarray(0, 12))
  new DataView(header.buffer).setUint32(4, kept.reduce((sum, chunk) => sum + chunk.length, 4), true)
  return { blob: new Blob([header, ...kept], { type: 'image/webp' }), hadPlace, orientation }
}
