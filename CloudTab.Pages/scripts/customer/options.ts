import { html, nothing, type TemplateResult } from 'lit'
import { live } from 'lit/directives/live.js'
import { say } from '../shared/words.ts'
import { offeredColors, offeredMedia, printedPages, readRanges, type Offer, type PrintOptions } from '../shared/printing.ts'

const sides = ['one-sided', 'two-sided-long-edge', 'two-sided-short-edge'] as const

/** In one line: `2 copies, colour, A4`. */
export function summary(options: PrintOptions): string {
  return [
    say(options.copies === 1 ? 'common.copies.one' : 'common.copies.other', { count: options.copies }),
    say(`common.colorMode.${options.colorMode}`),
    say(`common.media.${options.media}`),
    options.sides === 'one-sided' ? '' : say(`common.sides.${options.sides}`),
    options.pageRanges === null ? '' : say('common.pageRanges', { ranges: options.pageRanges }),
    (options.numberUp ?? 1) === 1 ? '' : say('common.perSheet', { count: options.numberUp! }),
  ].filter(Boolean).join(' · ')
}

/** The options that the shop has nothing against, nearest to those wanted. */
export function offered(options: PrintOptions, offer: Offer): PrintOptions {
  const papers = offeredMedia(offer)
  const media = papers.includes(options.media) ? options.media : papers[0]!
  const colors = offeredColors(offer, media)
  return { ...options, media, colorMode: colors.includes(options.colorMode) ? options.colorMode : colors[0]!, sides: offer.twoSided ? options.sides : 'one-sided' }
}

/** The fields of one file's options. */
export function fields(id: string, options: PrintOptions, offer: Offer, isDocument: boolean, pages: number | null, change: (options: PrintOptions) => void): TemplateResult {
  // A single page fills all places of its side.
  const numberUp = printedPages({ ...options, copies: 1, numberUp: 1 }, pages) === 1 ? 'common.samePage' : 'common.numberUp'
  const set = (part: Partial<PrintOptions>) => change(offered({ ...options, ...part }, offer))
  const choose = <K extends 'colorMode' | 'media' | 'sides' | 'scaling'>(name: K, values: readonly PrintOptions[K][]) => html`
    <label class="field">
      <span>${say(`common.${name}`)}</span>
      <select @change=${(event: Event) => set({ [name]: (event.target as HTMLSelectElement).value } as Partial<PrintOptions>)}>
        ${values.map((value) => html`<option value=${value!} .selected=${live(options[name] === value)}>${say(`common.${name}.${value}`)}</option>`)}
      </select>
    </label>`
  const setCopies = (copies: number) => set({ copies: Math.min(99, Math.max(1, Math.round(copies) || 1)) })
  const setRanges = (input: HTMLInputElement) => {
    const ranges = input.value.trim() === '' ? [] : readRanges(input.value)
    input.setCustomValidity(ranges ? '' : say('common.pageRanges.wrong'))
    if (!ranges) return void input.reportValidity()
    set({ pageRanges: ranges.length === 0 ? null : ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',') })
  }
  return html`
    <div class="fields">
      <div class="field">
        <label for="copies-${id}">${say('common.copies')}</label>
        <div class="stepper">
          <button type="button" ?disabled=${options.copies <= 1} aria-label=${say('common.copies.fewer')} @click=${() => setCopies(options.copies - 1)}>−</button>
          <input id="copies-${id}" type="number" inputmode="numeric" min="1" max="99" .value=${live(String(options.copies))} @change=${(event: Event) => setCopies(Number((event.target as HTMLInputElement).value))}>
          <button type="button" ?disabled=${options.copies >= 99} aria-label=${say('common.copies.more')} @click=${() => setCopies(options.copies + 1)}>+</button>
        </div>
      </div>
      ${choose('colorMode', offeredColors(offer, options.media))} ${choose('media', offeredMedia(offer))}
      ${offer.twoSided && isDocument ? choose('sides', sides) : nothing} ${choose('scaling', ['fit', 'none'])}
      <label class="field">
        <span>${say(numberUp)}</span>
        <select @change=${(event: Event) => set({ numberUp: Number((event.target as HTMLSelectElement).value) })}>
          ${[1, 2, 4].map((count) => html`<option value=${count} .selected=${live((options.numberUp ?? 1) === count)}>${say(`${numberUp}.${count}`)}</option>`)}
        </select>
      </label>
      ${isDocument
        ? html`<label class="field">
            <span>${say('common.pageRanges.label')}</span>
            <input type="text" inputmode="text" placeholder=${say('common.pageRanges.all')} .value=${options.pageRanges ?? ''} @change=${(event: Event) => setRanges(event.target as HTMLInputElement)}>
          </label>`
        : nothing}
    </div>`
}
