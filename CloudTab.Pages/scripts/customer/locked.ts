/** Whether an encrypted PDF opens with the empty password (ISO 32000-2, 7.6.4): many may only not be changed. */
const padding = [
  0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00, 0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9,
  0xfe, 0x64, 0x53, 0x69, 0x7a,
]

/** @param number The encryption dictionary's object, or null if the trailer holds it. */
export async function needsPassword(text: string, number: number | null): Promise<boolean> {
  const at = number === null ? text.lastIndexOf('/Encrypt') : text.search(new RegExp(`(?<!\\d)${number}\\s+0\\s+obj`))
  const dictionary = text.slice(at, at + 4096)
  const integer = (name: string) => Number(new RegExp(`/${name}\\s+(-?\\d+)`).exec(dictionary)?.[1] ?? 0)
  const user = string(dictionary, 'U')
  const revision = integer('R')
  if (!user || !/\/Filter\s*\/Standard/.test(dictionary)) return true
  if (revision >= 5) {
    // Algorithm 11: the hash of the password and the validation salt.
    const hash = await hashOf(user.slice(32, 40), revision)
    return !equal(hash, user.slice(0, 32))
  }
  const owner = string(dictionary, 'O')?.slice(0, 32)
  if (!owner) return true
  const id = string(text.slice(text.lastIndexOf('/ID')), 'ID') ?? []
  const permissions = integer('P')
  const length = revision === 2 ? 5 : (integer('Length') || 40) / 8
  const isMetadataPlain = revision >= 4 && /\/EncryptMetadata\s+false/.test(dictionary)
  // Algorithm 2
  let key = md5([...padding, ...owner, ...[0, 8, 16, 24].map((shift) => (permissions >> shift) & 255), ...id, ...(isMetadataPlain ? [255, 255, 255, 255] : [])])
  if (revision >= 3) for (let round = 0; round < 50; round++) key = md5(key.slice(0, length))
  key = key.slice(0, length)
  if (revision === 2) return !equal(rc4(key, padding), user.slice(0, 32))
  // Algorithm 5
  let check = rc4(key, md5([...padding, ...id]))
  for (let round = 1; round <= 19; round++) check = rc4(key.map((byte) => byte ^ round), check)
  return !equal(check, user.slice(0, 16))
}

const equal = (one: number[], other: number[]) => one.length === other.length && one.every((byte, index) => byte === other[index])

/** The first string behind a name: (literal) or <hexadecimal>, also as the first of an array. */
function string(text: string, name: string): number[] | null {
  const start = new RegExp(`/${name}(?![A-Za-z])\\s*\\[?\\s*([(<])`).exec(text)
  if (!start) return null
  let at = start.index + start[0].length
  if (start[1] === '<') return (text.slice(at, text.indexOf('>', at)).replace(/\s/g, '').match(/../g) ?? []).map((pair) => parseInt(pair, 16))
  const bytes: number[] = []
  for (let depth = 0; at < text.length; at++) {
    let char = text[at]!
    if (char === '\\') {
      const octal = /^[0-7]{1,3}/.exec(text.slice(at + 1, at + 4))?.[0]
      if (octal) {
        at += octal.length
        bytes.push(parseInt(octal, 8) & 255)
        continue
      }
      char = text[++at]!
      const index = 'nrtbf'.indexOf(char)
      bytes.push(index >= 0 ? '\n\r\t\b\f'.charCodeAt(index) : char.charCodeAt(0))
      continue
    }
    if (char === '(') depth++
    if (char === ')' && depth-- === 0) break
    bytes.push(char.charCodeAt(0))
  }
  return bytes
}

async function digest(bits: number, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest(`SHA-${bits}`, bytes))
}

/** Algorithm 2.B with the empty password; revision 5 hashes once. */
async function hashOf(salt: number[], revision: number): Promise<number[]> {
  let key = await digest(256, new Uint8Array(salt))
  for (let round = 0, last = 0; revision > 5 && (round < 64 || last > round - 32); round++) {
    const repeated = new Uint8Array(64 * key.length)
    for (let at = 0; at < 64; at++) repeated.set(key, at * key.length)
    const cipher = await crypto.subtle.importKey('raw', key.slice(0, 16), 'AES-CBC', false, ['encrypt'])
    const encrypted = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CBC', iv: key.slice(16, 32) }, cipher, repeated)).slice(0, repeated.length)
    const modulo = encrypted.slice(0, 16).reduce((sum, byte) => sum + byte, 0) % 3
    key = await digest([256, 384, 512][modulo]!, encrypted)
    last = encrypted.at(-1)!
  }
  return [...key.slice(0, 32)]
}

function rc4(key: number[], data: number[]): number[] {
  const state = Array.from({ length: 256 }, (_, index) => index)
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + state[i]! + key[i % key.length]!) & 255
    ;[state[i], state[j]] = [state[j]!, state[i]!]
  }
  let [i, j] = [0, 0]
  return data.map((byte) => {
    i = (i + 1) & 255
    j = (j + state[i]!) & 255
    ;[state[i], state[j]] = [state[j]!, state[i]!]
    return byte ^ state[(state[i]! + state[j]!) & 255]!
  })
}

/** RFC 1321. Browsers have none. */
function md5(bytes: number[]): number[] {
  const shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
  const message = [...bytes, 0x80]
  while (message.length % 64 !== 56) message.push(0)
  for (let at = 0; at < 8; at++) message.push(at < 4 ? ((bytes.length * 8) >>> (8 * at)) & 255 : 0)
  let [a0, b0, c0, d0] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476]
  for (let block = 0; block < message.length; block += 64) {
    const word = (index: number) => [3, 2, 1, 0].reduce((value, at) => (value << 8) | message[block + 4 * index + at]!, 0)
    let [a, b, c, d] = [a0, b0, c0, d0]
    for (let step = 0; step < 64; step++) {
      const round = step >> 4
      const mixed = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round]!
      const index = [step, 5 * step + 1, 3 * step + 5, 7 * step][round]! % 16
      const sum = (a + mixed + Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32) + word(index)) | 0
      const shift = shifts[4 * round + (step % 4)]!
      ;[a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0]
    }
    ;[a0, b0, c0, d0] = [(a0 + a) | 0, (b0 + b) | 0, (c0 + c) | 0, (d0 + d) | 0]
  }
  return [a0, b0, c0, d0].flatMap((value) => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255))
}
