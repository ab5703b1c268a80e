import { say } from './words.ts'

/** Bytes as the server's pages have them (Words.cs): `1.5 MB`, `873 kB`. An MB is 1,048,576 bytes. */
export function size(bytes: number): string {
  const [unit, divisor] = bytes < 1 << 20 ? ['kB', 1 << 10] : bytes < 1 << 30 ? ['MB', 1 << 20] : ['GB', 1 << 30]
  const number = bytes / divisor
  const rounded = divisor > 1 << 10 && number < 10 ? Math.round(number * 10) / 10 : Math.round(number)
  return say(`common.size.${unit}`, { number: bytes === 0 ? 0 : Math.max(rounded, 1) })
}
