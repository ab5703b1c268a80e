import type { CustomerSchemas } from './contract.ts'

/** What a shop prints and for how much, and what a file comes to by that. The server's Printing/ has the same rules, and the last word. */
export type PrintOptions = CustomerSchemas['PrintOptions']
export type Offer = CustomerSchemas['Offer']

const media = ['a4', 'a3', 'letter', 'photo'] as const
const colors = ['monochrome', 'color'] as const

/** The papers that a shop has. */
export const offeredMedia = (offer: Offer) => media.filter((one) => offer.prices.length === 0 || offer.prices.some((price) => price.media === one))

/** How a shop prints on a paper. */
export const offeredColors = (offer: Offer, on: PrintOptions['media']) =>
  colors.filter((one) => offer.prices.length === 0 || offer.prices.some((price) => price.media === on && price.colorMode === one))

/** Ranges that neither overlap nor touch, in ascending order; null if the text is something else. */
export function readRanges(text: string): [number, number][] | null {
  const ranges: [number, number][] = []
  for (const part of text.split(',')) {
    const match = /^ *(\d{1,5}) *(?:- *(\d{1,5}) *)?$/.exec(part)
    if (!match) return null
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])]
    if (first < 1 || first > last) return null
    ranges.push([first, last])
  }
  const merged: [number, number][] = []
  for (const range of ranges.sort((one, other) => one[0] - other[0])) {
    const before = merged.at(-1)
    if (before && range[0] <= before[1] + 1) before[1] = Math.max(before[1], range[1])
    else merged.push(range)
  }
  return merged
}

/** Printed sides of sheets that come out of the printer, those of all copies; null if the document's pages are not known. */
export function printedPages(options: PrintOptions, pages: number | null): number | null {
  if (pages === null) return null
  const ranges = options.pageRanges === null ? null : readRanges(options.pageRanges)
  const wanted = ranges ? ranges.reduce((sum, [first, last]) => sum + Math.max(0, Math.min(last, pages) - first + 1), 0) : pages
  return Math.ceil(wanted / (options.numberUp ?? 1)) * options.copies
}

/** In the currency's smallest unit; null: told at the counter. */
export function priceOf(options: PrintOptions, pages: number | null, offer: Offer): number | null {
  const printed = printedPages(options, pages)
  const page = offer.prices.find((price) => price.media === options.media && price.colorMode === options.colorMode)?.price ?? null
  return printed === null || page === null ? null : printed * page
}
