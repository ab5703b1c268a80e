import { language } from './words.ts'

const units = ['byte', 'KiB', 'MiB', 'GiB']

/** Three digits or so, as the server's pages have it: `1 MiB`, `1.5 MiB`, `873 bytes`. */
export function size(bytes: number): string {
  let unit = 0
  let value = bytes
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${Math.round(value * 10) / 10} ${unit === 0 && bytes !== 1 ? 'bytes' : units[unit]}`
}

/** An amount in the currency's smallest unit: `₹12.00`. */
export function money(amount: number, currency: string): string {
  const format = new Intl.NumberFormat(language === 'en' ? 'en-IN' : `${language}-IN`, { style: 'currency', currency, numberingSystem: 'latn' })
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
}
