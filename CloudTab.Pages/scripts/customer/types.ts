import active from '../../../CloudTab.UploadApi/Inspection/ActiveTexts.json'
import { asText } from './bytes.ts'
import { namesIn } from './zip.ts'

/**
 * What a file is, by its content: the same signatures as the server's, so that what it would refuse is refused before a byte is sent, and
 * nothing else is. If looking once is not enough (is this long text a text to its end?) the server has the last word.
 */
const headSize = 1024

const office = {
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  odt: 'application/vnd.oasis.opendocument.text',
  doc: 'application/msword',
  xls: 'application/vnd.ms-excel',
  ppt: 'application/vnd.ms-powerpoint',
}

/** Either a media type that can be printed, or a word for what it is instead: `customer.refused.<word>`. */
type Judgement = { type: string } | { refused: string }

const is = (type: string): Judgement => ({ type })
const isNot = (refused: string): Judgement => ({ refused })

/** @param accepted The types that the shop takes: of those that a file may be, one of these is supposed. */
export async function judge(file: Blob, name: string, accepted: readonly string[]): Promise<Judgement> {
  const bytes = new Uint8Array(await file.slice(0, headSize).arrayBuffer())
  const head = asText(bytes)
  const ending = /\.[^.]*$/.exec(name.replace(/[. ]+$/, ''))?.[0].toLowerCase() ?? ''
  if (head.startsWith('\xff\xd8\xff')) return is('image/jpeg')
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return is('image/png')
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) return is('image/tiff')
  if (/^RIFF[^]{4}WEBP/.test(head)) return is('image/webp')
  if (head.slice(4, 8) === 'ftyp') return brand(head)
  if (head.startsWith('PK\x03\x04')) return archive(file, head, ending, accepted)
  if (head.startsWith('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')) return compound(file, bytes, ending, accepted)
  if (/^(\xef\xbb\xbf)?[ \t\r\n\f]*\{[ \t\r\n]*\\rtf/.test(head)) return is('application/rtf')
  if (isPdf(head)) return is('application/pdf')
  const text = textOf(bytes, head)
  return (text === null ? null : plain(text, ending, file.type)) ?? media(file, head) ?? isNot(program.test(head) ? 'program' : 'unknown')
}

function brand(head: string): Judgement {
  const brands = head.slice(8, head.charCodeAt(3) + 256 * head.charCodeAt(2))
  if (/avi[fs]/.test(brands)) return isNot('picture')
  if (/hei[cxms]|hev[cx]/.test(brands)) return is('image/heic')
  if (/mif1|msf1/.test(brands)) return is('image/heif')
  return isNot(/^M4A/.test(brands) ? 'sound' : 'video')
}

/** The one that the ending names, else the first that the shop takes. */
const guess = (types: Record<string, string>, ending: string, accepted: readonly string[]) =>
  is(types[ending] ?? Object.values(types).find((type) => accepted.includes(type)) ?? Object.values(types)[0]!)

/** By the names of its parts. What they do not tell (a main part may have any name) the server looks up in the archive. */
async function archive(file: Blob, head: string, ending: string, accepted: readonly string[]): Promise<Judgement> {
  const names = await namesIn(file)
  const has = (name: RegExp) => names!.some((one) => name.test(one))
  if (names && has(/vbaProject\.bin$|^Basic\/|^Scripts\//i)) return isNot('macros')
  if (!names || has(/^\[Content_Types\]\.xml$/i)) {
    if (names && has(/^word\/document\d*\.xml$/i)) return is(office.docx)
    if (names && has(/^xl\/workbook\d*\.xml$/i)) return is(office.xlsx)
    if (names && has(/^ppt\/presentation\d*\.xml$/i)) return is(office.pptx)
    if (!names && ending === '.zip') return isNot('archive')
    return guess({ '.docx': office.docx, '.xlsx': office.xlsx, '.pptx': office.pptx, ...(names ? {} : { '.odt': office.odt }) }, ending, accepted)
  }
  if (!has(/^mimetype$/)) return isNot('archive')
  // OpenDocument 1.3 part 2, 3.3: it comes first, and is not compressed, but some programs do that all the same.
  const type = /^[^]{30}mimetype(application\/[\w.+-]*)/.exec(head)?.[1]
  return type === undefined || type === office.odt || type === `${office.odt}PK` ? is(office.odt) : isNot('unknown')
}

/** [MS-CFB] 2.2 and 2.6: by the streams in the first sector of the directory, which is not all of it. */
async function compound(file: Blob, bytes: Uint8Array, ending: string, accepted: readonly string[]): Promise<Judgement> {
  if (bytes.length < 512) return isNot('unknown')
  const header = new DataView(bytes.buffer)
  const sector = 1 << header.getUint16(0x1e, true)
  const at = (header.getUint32(0x30, true) + 1) * sector
  const names = asText(new Uint8Array(await file.slice(at, at + sector).arrayBuffer())).replaceAll('\0', '')
  if (names.includes('EncryptedPackage')) return isNot('encrypted')
  if (names.includes('WordDocument')) return is(office.doc)
  if (names.includes('PowerPoint Document')) return is(office.ppt)
  if (/Work[Bb]ook|Book/.test(names)) return is(office.xls)
  if (/^\.(ms[ipt]|msg|vsd|pub|mpp|db)$/.test(ending)) return isNot('unknown')
  return guess({ '.doc': office.doc, '.xls': office.xls, '.ppt': office.ppt }, ending, accepted)
}

/** ISO 32000-2, 7.5.2: a version ends a line, and a comment or an object follows. A text about PDF may well name `%PDF-1.7`. */
const pdf = /%PDF-\d\.\d[ \t\r\n]*?[\r\n][ \t\r\n]*[%\d]/
/** What makes a printer leave the job it is printing (UEL of PJL). */
const exit = /\x1b%-12345X/
const embedded = new RegExp(`${pdf.source}|${exit.source}|%!PS-Adobe-|\\{\\\\rtf\\d*[\\\\{ \\r\\n]`)

/** Readers find a PDF wherever it begins in these bytes. If a page or a program comes before it, the file is that as well. */
function isPdf(head: string): boolean {
  if (/^(\xef\xbb\xbf)?[ \t\r\n\f]*%PDF-/.test(head)) return true
  const at = head.search(pdf)
  if (at < 0) return false
  const before = head.slice(0, at).replace(/^\0+/, '').replace(/^\x1b%-12345X/, '')
  if (/^(MZ|#!|dex\n|GIF8|RIFF|BZh|!<arch>)/.test(before)) return false
  const text = textOf(Uint8Array.from(before, (letter) => letter.charCodeAt(0)), before)
  return text !== null && kindOf(text) === null
}

/** Programs of Linux and macOS, classes of Java, links and help files of Windows: no text begins like them. */
const program = /^(MZ|\x7fELF|\xca\xfe(\xba\xbe|\xd0\x0d)|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|L\0\0\0\x01\x14\x02\0|ITSF\x03\0)/

/** The bytes as text; null: they have control characters that no text has, or a document of another format begins in them. */
function textOf(bytes: Uint8Array, head: string): string | null {
  const encoding = head.startsWith('\xff\xfe') ? 'utf-16le' : head.startsWith('\xfe\xff') ? 'utf-16be' : null
  // A text may end with one of these.
  const text = encoding ? new TextDecoder(encoding).decode(bytes).replace(/\0$/, '') : head.replace(/^\xef\xbb\xbf/, '').replace(/\x1a$/, '')
  const isOther = /[\0-\x06\x10-\x1a\x1c-\x1f]/.test(text) || embedded.test(head) || (!head.startsWith('MZ') && program.test(head))
  return isOther ? null : text
}

/** What a text is for a browser, a shell or a printer; null: nothing but a text. */
function kindOf(text: string): string | null {
  const opening = text.replace(/^[\0-\x20]+/, '').toLowerCase()
  if (/^<[a-z!?/]/.test(opening)) return opening.includes('<svg') ? 'drawing' : 'page'
  return Object.entries(active).find(([, { openings }]) => openings.some((one) => opening.startsWith(one)))?.[0] ?? null
}

function plain(text: string, ending: string, declared: string): Judgement {
  const kind = kindOf(text) ?? Object.entries(active).find(([, { endings }]) => endings.includes(ending))?.[0]
  return kind ? isNot(kind) : is(ending === '.csv' || declared.startsWith('text/csv') ? 'text/csv' : 'text/plain')
}

function media(file: Blob, head: string): Judgement | null {
  if (/^(GIF8|BM[^]{4}\0\0\0\0)/.test(head)) return isNot('picture')
  if (/^(ID3|OggS|fLaC|RIFF[^]{4}WAVE)/.test(head) || file.type.startsWith('audio/')) return isNot('sound')
  if (/^(\x1aE\xdf\xa3|RIFF[^]{4}AVI |\0\0\x01\xba|FLV)/.test(head) || file.type.startsWith('video/')) return isNot('video')
  return /^(Rar!|7z\xbc\xaf|\x1f\x8b|BZh)/.test(head) ? isNot('archive') : null
}
