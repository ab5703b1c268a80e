import { html, type TemplateResult } from 'lit'
import { money } from '../shared/money.ts'
import { count, find, language, say } from '../shared/words.ts'
import { now } from './api.ts'
import type { FilePrint, Job, JobFile, ListedPrint, PrintOptions } from './contract.ts'

const minute = 60_000

/** The browser's own variant of the page's language, such as en-IN: how dates and numbers are written. */
export const locale = navigator.languages.find((one) => one === language || one.startsWith(`${language}-`)) ?? language

/** Milliseconds since a time of the relay's, never negative. */
const ageOf = (time: string): number => Math.max(0, now() - Date.parse(time))

/** How long somebody waits: `4 min`, `2 h 5 min`. */
export function formatAge(time: string): string {
  const minutes = Math.floor(ageOf(time) / minute)
  if (minutes < 1) return say('shop.age.now')
  if (minutes < 60) return say('shop.age.minutes', { minutes })
  return say('shop.age.hours', { hours: Math.floor(minutes / 60), minutes: minutes % 60 })
}

/** For the colour of a row: what waits long comes to the eye. */
export function urgency(job: Job): 'new' | 'waiting' | 'late' {
  const minutes = ageOf(job.submittedAt) / minute
  return minutes < 5 ? 'new' : minutes < 15 ? 'waiting' : 'late'
}

/** The total, `from ₹12.00` where some file's price is not known, or null where none is. */
export function formatPrice(price: Job['price'] | undefined): string | null {
  if (!price || price.amount === null) return null
  const text = money(price.amount, price.currency)
  return price.isComplete ? text : say('shop.price.atLeast', { money: text })
}

/** What was paid of a job that costs more by now: `Paid ₹6.00, ₹2.00 to pay`; undefined if nothing is left to pay, or nothing was paid. As JobPrice.Exceeds. */
export function describePart({ price, paidAmount }: Pick<Job, 'price' | 'paidAmount'>): string | undefined {
  if (!price || paidAmount == null) return undefined
  const paid = money(paidAmount, price.currency)
  if (!price.isComplete || price.amount === null) return say('common.paid.more', { paid })
  if (price.amount <= paidAmount) return undefined
  return say('common.paid.part', { paid, rest: money(price.amount - paidAmount, price.currency) })
}

/** A number as it is written in the page's language. */
export const formatNumber = (number: number): string => new Intl.NumberFormat(locale).format(number)

/** `3 files · 12 pages`; pages are told as far as they are known. */
export function formatExtent(job: Job): string {
  const files = count('common.files', job.fileCount)
  if (job.pages === 0) return files
  return `${files} · ${job.uncountedFiles === 0 ? count('shop.pages', job.pages) : say('shop.pagesAtLeast', { count: job.pages })}`
}

/** What a file is called where its name does not matter. */
export function formatType(type: string): string {
  if (type === 'application/pdf') return 'PDF'
  if (type.startsWith('image/')) return say('shop.type.picture')
  if (type.startsWith('text/')) return say('shop.type.text')
  return say('shop.type.document')
}

/** One thing that a customer wants; `isSpecial` if it is not what most want, and so easily overlooked. */
interface Wish {
  text: string
  isSpecial: boolean
}

/** Every option of a file, in the order in which a print dialog asks for them. */
export function wishesOf(options: PrintOptions): Wish[] {
  const wishes = [
    { text: count('common.copies', options.copies), isSpecial: options.copies > 1 },
    { text: say(`common.colorMode.${options.colorMode}`), isSpecial: options.colorMode === 'color' },
    { text: say(`common.sides.${options.sides}`), isSpecial: options.sides !== 'one-sided' },
    { text: options.pageRanges ? formatRanges(options.pageRanges) : say('shop.allPages'), isSpecial: options.pageRanges !== null },
    { text: say(`common.media.${options.media}`), isSpecial: options.media !== 'a4' },
  ]
  if (options.scaling === 'none') wishes.push({ text: say('common.scaling.none'), isSpecial: true })
  if (options.numberUp) wishes.push({ text: say('common.perSheet', { count: options.numberUp }), isSpecial: true })
  return wishes
}

const formatRanges = (ranges: string): string => say('shop.pageRanges', { pages: ranges.replaceAll(',', ', ') })

/** What a row says of all files' options together. */
export function summarizeWishes(all: PrintOptions[] | undefined): Wish[] {
  if (!all?.length) return []
  const modes = new Set(all.map((options) => options.colorMode))
  const isMixed = modes.size > 1
  const text = say(isMixed ? 'shop.mixedColors' : `common.colorMode.${all[0]!.colorMode}`)
  const wishes = [{ text, isSpecial: isMixed || modes.has('color') }]
  if (all.some((options) => options.sides !== 'one-sided')) wishes.push({ text: say('shop.twoSided'), isSpecial: true })
  const ranges = all.flatMap((options) => options.pageRanges ?? [])
  if (ranges.length > 0) wishes.push({ text: all.length === 1 ? formatRanges(ranges[0]!) : say('shop.somePages'), isSpecial: true })
  const copies = Math.max(...all.map((options) => options.copies))
  if (copies > 1) wishes.push({ text: `×${copies}`, isSpecial: true })
  for (const media of new Set(all.map((options) => options.media))) {
    if (media !== 'a4') wishes.push({ text: say(`common.media.${media}`), isSpecial: true })
  }
  for (const numberUp of new Set(all.map((options) => options.numberUp))) {
    if (numberUp) wishes.push({ text: say('common.perSheet', { count: numberUp }), isSpecial: true })
  }
  return wishes
}

export const chip = ({ text, isSpecial }: Wish): TemplateResult =>
  html`<span class=${isSpecial ? 'chip is-special' : 'chip'}>${text}</span>`

// Pictures that Safari shows and hardly another browser. Safari cannot be asked, and is believed.
const unshown = new Set<string>()
if ('ImageDecoder' in globalThis) {
  for (const type of ['image/tiff', 'image/heic', 'image/heif'])
    void ImageDecoder.isTypeSupported(type).then((isSupported) => isSupported || unshown.add(type))
}

/** Whether this page, in this browser, can show and print a file itself. */
export const isShowable = (file: JobFile): boolean =>
  file.status === 'stored' &&
  file.scan !== 'infected' &&
  (file.type === 'application/pdf' || (file.type.startsWith('image/') && !unshown.has(file.type)))

/** What the printer says of a file: `Being printed · The printer is out of paper.` */
export function describePrint(print: FilePrint): string {
  if (print.state === 'unknown') return say('shop.print.unknown')
  if (print.grade === 'confirmed') return say('shop.print.confirmed')
  const state = say(`common.print.${print.grade === 'handed_over' ? print.grade : print.state}`)
  const trouble = troubleOf(print)
  return trouble && print.state !== 'printed' ? `${state} · ${trouble}` : state
}

/** Whether somebody has to look: not if the printer only prints something else first. */
export const isInTrouble = (print: FilePrint): boolean =>
  print.state === 'failed' ||
  print.state === 'unknown' ||
  (print.state !== 'printed' && troubleOf({ reasons: print.reasons?.filter((reason) => reason !== 'busy') }) !== undefined)

/** What a row says of all files' prints together; undefined where nobody prints. What somebody has to see to comes first, then what is still to come. */
export function summarizePrints(prints: ListedPrint[] | null | undefined, files: number): { text: string; isTrouble: boolean; isDone: boolean } | undefined {
  if (!prints?.length) return undefined
  const trouble = prints.find(isInTrouble)
  if (trouble) return { text: describePrint(trouble), isTrouble: true, isDone: false }
  const printed = prints.filter((print) => print.state === 'printed')
  const busy = prints.find((print) => print.state === 'printing') ?? prints.find((print) => print.state === 'sent')
  if (busy) return { text: describePrint(busy), isTrouble: false, isDone: false }
  if (printed.length < files) return { text: say('shop.print.some', { printed: printed.length, files }), isTrouble: false, isDone: false }
  return { text: describePrint(prints.find((print) => print.grade === 'handed_over') ?? prints[0]!), isTrouble: false, isDone: true }
}

/** Of a reason, IPP's ending says how bad it is (RFC 8011, section 5.4.12). */
export const troubleOf = ({ reasons }: { reasons?: string[] | null }): string | undefined =>
  (reasons ?? []).map((reason) => find(`common.printer.${reason.replace(/-(error|warning|report)$/, '')}`)).find((text) => text !== undefined)
