import { say } from './words.ts'

/** Bytes as the server's pages have them (Words.cs): `1.5 MB`, `873 kB`. An MB is 1,048,576 bytes. */
export function size(bytes: number): string {
  const [unit, divisor] = bytes < 1 << 20 ? ['kB', 1 << 10] : bytes < 1 << 30 ? ['MB', 1 << 20] : ['GB', 1 << 30]
  const number = bytes / divisor
  const rounded = divisor > 1 << 10 && number < 10 ? Math.round(number * 10) / 10 : Math.round(number)
  return say(`common.size.${unit}`, { number: bytes === 0 ? 0 : Math.max(rounded, 1) })
}

const moneyFormats = new Map<string, Intl.NumberFormat>()

// As in Money.cs, which has no others.
const symbols: Record<string, string> = { INR: '₹', USD: '$', EUR: '€', GBP: '£' }

/** An amount in the currency's smallest unit, as the server's pages have it (Money.cs): `₹1,25,000.00`, `$125,000.00`, `CHF 125,000.00`. */
export function money(amount: number, currency: string): string {
  const digits = fractionDigits(currency)
  let format = moneyFormats.get(currency)
  if (!format) {
    format = new Intl.NumberFormat(currency === 'INR' ? 'en-IN' : 'en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    moneyFormats.set(currency, format)
  }
  return (symbols[currency] ?? `${currency} `) + format.format(amount / 10 ** digits)
}

/** How many decimals a currency has: 2 for INR, 0 for JPY. */
export const fractionDigits = (currency: string): number =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
