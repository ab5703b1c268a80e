import { asText } from './bytes.ts'

/**
 * What a file is, by its content: the same signatures as the server's, so that what it would refuse is refused before a byte is sent.
 * Where looking once is not enough (is this long text a text to its end?) the server has the last word.
 */
const headSize = 1024
const tailSize = 66_000

const office = {
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  odt: 'application/vnd.oasis.opendocument.text',
  doc: 'application/msword',
  xls: 'application/vnd.ms-excel',
  ppt: 'application/vnd.ms-powerpoint',
}

/** Either a media type that can be printed, or a word for what it is instead: `common.refused.<word>`. */
export type Judgement = { type: string } | { refused: string }

const is = (type: string): Judgement => ({ type })
const isNot = (refused: string): Judgement => ({ refused })

export async function judge(file: Blob, name: string): Promise<Judgement> {
  const bytes = new Uint8Array(await file.slice(0, headSize).arrayBuffer())
  const head = asText(bytes)
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''
  if (head.startsWith('\xff\xd8\xff')) return is('image/jpeg')
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return is('image/png')
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) return is('image/tiff')
  if (/^RIFF[^]{4}WEBP/.test(head)) return is('image/webp')
  if (head.slice(4, 8) === 'ftyp') return brand(head)
  if (head.startsWith('PK\x03\x04')) return archive(file)
  if (head.startsWith('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')) {
    const old = office[ending as 'doc' | 'xls' | 'ppt']
    return old && ending.length === 3 ? is(old) : ending === 'pps' ? is(office.ppt) : isNot('program')
  }
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart()
  if (text.startsWith('{\\rtf')) return is('application/rtf')
  if (head.includes('%PDF-')) return is('application/pdf')
  return media(file, head) ?? (looksLikeText(bytes) ? plain(text, ending, file.type) : isNot(/^(MZ|\x7fELF)/.test(head) ? 'program' : 'unknown'))
}

function brand(head: string): Judgement {
  const brands = head.slice(8, head.charCodeAt(3) + 256 * head.charCodeAt(2))
  if (/avi[fs]/.test(brands)) return isNot('picture')
  if (/hei[cxms]|hev[cx]/.test(brands)) return is('image/heic')
  if (/mif1|msf1/.test(brands)) return is('image/heif')
  return isNot(/^M4A/.test(brands) ? 'sound' : 'video')
}

/** A ZIP archive's directory is at its end, and names the parts of an Office document. */
async function archive(file: Blob): Promise<Judgement> {
  const ends = await new Blob([file.slice(0, headSize), file.slice(-tailSize)]).text()
  if (ends.includes('word/document.xml')) return is(office.docx)
  if (ends.includes('xl/workbook.xml')) return is(office.xlsx)
  if (ends.includes('ppt/presentation.xml')) return is(office.pptx)
  return ends.includes(office.odt) ? is(office.odt) : isNot('archive')
}

function media(file: Blob, head: string): Judgement | null {
  if (/^(GIF8|BM[^]{4}\0\0\0\0)/.test(head)) return isNot('picture')
  if (/^(ID3|OggS|fLaC|RIFF[^]{4}WAVE)/.test(head) || file.type.startsWith('audio/')) return isNot('sound')
  if (/^(\x1aE\xdf\xa3|RIFF[^]{4}AVI |\0\0\x01\xba|FLV)/.test(head) || file.type.startsWith('video/')) return isNot('video')
  return /^(Rar!|7z\xbc\xaf|\x1f\x8b|BZh)/.test(head) ? isNot('archive') : null
}

/** Byte order mark of UTF-16, or no control characters but those that texts have. */
const looksLikeText = (bytes: Uint8Array) =>
  (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff) || bytes.every((byte) => byte >= 32 || (byte >= 7 && byte <= 15) || byte === 27 || byte === 26)

function plain(text: string, ending: string, declared: string): Judgement {
  if (/^<svg|^<\?xml[^]*<svg/i.test(text) || ending === 'svg') return isNot('drawing')
  if (/^<[a-z!?/]/i.test(text) || /^(x?html?|mhtml?|xml)$/.test(ending)) return isNot('page')
  if (/^(#!|%!|@echo)/i.test(text) || /^(m?js|ts|vbs|bat|cmd|ps1|sh|py|rb|pl|php|url|lnk|exe|com|jar|apk|ps|eps|ini|reg)$/.test(ending)) return isNot('program')
  return is(ending === 'csv' || declared.startsWith('text/csv') ? 'text/csv' : 'text/plain')
}
