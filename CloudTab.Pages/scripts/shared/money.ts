import decimals from '../../decimals.json'

const formats = new Map<string, Intl.NumberFormat>()

// As in Money.cs, which has no others.
const symbols: Record<string, string> = { INR: '₹', USD: '$', EUR: '€', GBP: '£' }

/** An amount in the currency's smallest unit, as the server's pages have it (Money.cs): `₹1,25,000.00`, `$125,000.00`, `CHF 125,000.00`. */
export function money(amount: number, currency: string): string {
  const digits = fractionDigits(currency)
  let format = formats.get(currency)
  if (!format) {
    format = new Intl.NumberFormat(currency === 'INR' ? 'en-IN' : 'en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    formats.set(currency, format)
  }
  return (symbols[currency] ?? `${currency} `) + format.format(amount / 10 ** digits)
}

/** How many decimals a currency has by ISO 4217: 2 for INR, 0 for JPY. */
export const fractionDigits = (currency: string): number => (decimals as Record<string, number>)[currency] ?? 2
