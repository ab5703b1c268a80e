/** So many arguments fit into one call in every engine. */
const most = 0x8000

/**
 * Each byte as the character of its number. A TextDecoder cannot do that: what browsers know as `latin1` is windows-1252, in which 0x80 to 0x9f are
 * other characters (https://encoding.spec.whatwg.org/#names-and-labels).
 */
export function asText(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += most) text += String.fromCharCode(...bytes.subarray(at, at + most))
  return text
}

/** Names of places in XMP come early in it. */
export const longestLook = 20_000
export const tellsPlace = (bytes: Uint8Array) => /GPSL/.test(asText(bytes.subarray(0, longestLook)))
