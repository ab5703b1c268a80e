import { LitElement, type PropertyValues } from 'lit'

/** Places for the focus, the best one first: an element, or a selector of the page as it is then. */
export type Places = (HTMLElement | string | null | undefined)[]

/** A part of the shop's page. It is in the page's own document, so that styles and labels hold, and keeps the keyboard's place. */
export abstract class CtElement extends LitElement {
  protected override createRenderRoot(): this {
    return this
  }

  // A drawing may take away what has the focus. Then the next key would go to the page, far from where somebody works (WCAG 2.2, 2.4.3).
  protected override update(changed: PropertyValues): void {
    const focused = document.activeElement
    const places = focused instanceof HTMLElement && focused !== this && this.contains(focused) ? this.beside(focused) : undefined
    super.update(changed)
    if (places && isFocusLost()) focusFirst([...places, heading(this)], { preventScroll: true })
  }

  /** Where the focus goes if this drawing takes away what has it; the element's heading is the last resort. */
  protected beside(_focused: HTMLElement): Places {
    return []
  }
}

/** Whether nothing has the focus. */
export const isFocusLost = (): boolean => document.activeElement === null || document.activeElement === document.body

/** Gives the focus to the first of these places that is there and takes it. */
export function focusFirst(places: Places, options?: FocusOptions): void {
  for (const place of places) {
    const element = typeof place === 'string' ? document.querySelector<HTMLElement>(place) : place
    element?.focus(options)
    if (element && document.activeElement === element) return
  }
}

function heading(part: HTMLElement): HTMLElement | null {
  const first = part.querySelector<HTMLElement>('h1, h2, h3')
  if (first) first.tabIndex = -1
  return first
}
