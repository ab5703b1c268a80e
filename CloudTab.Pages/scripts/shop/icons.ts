import { svg, type TemplateResult } from 'lit'

const icon = (paths: TemplateResult): TemplateResult => svg`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${paths}</svg>`

export const icons = {
  back: icon(svg`<path d="M15 5l-7 7 7 7"/>`),
  close: icon(svg`<path d="M6 6l12 12M18 6L6 18"/>`),
  search: icon(svg`<circle cx="11" cy="11" r="6.5"/><path d="M16 16l4.5 4.5"/>`),
  soundOn: icon(svg`<path d="M5 9.5v5h3.5L13 18.5v-13L8.5 9.5z"/><path d="M16.5 9a4.5 4.5 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11"/>`),
  soundOff: icon(svg`<path d="M5 9.5v5h3.5L13 18.5v-13L8.5 9.5z"/><path d="M16.5 9.5l5 5M21.5 9.5l-5 5"/>`),
  eye: icon(svg`<path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"/><circle cx="12" cy="12" r="2.75"/>`),
  print: icon(svg`<path d="M7 9V3.5h10V9M7 17.5H4.5v-7a1.5 1.5 0 0 1 1.5-1.5h12a1.5 1.5 0 0 1 1.5 1.5v7H17"/><path d="M7 14.5h10v6H7z"/>`),
  download: icon(svg`<path d="M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14"/>`),
  check: icon(svg`<path d="M5 12.5l4.5 4.5L19 7.5"/>`),
  document: icon(svg`<path d="M6 3.5h8l4.5 4.5v12.5H6z"/><path d="M13.5 3.5V8.5h5"/>`),
  picture: icon(
    svg`<rect x="3.5" y="5" width="17" height="14" rx="1.5"/><path d="M3.5 16l5-5 4 4 3-3 5 4.5"/><circle cx="15.5" cy="9" r="1.25"/>`,
  ),
  warning: icon(svg`<path d="M12 4L2.5 20h19z"/><path d="M12 10v5M12 17.2v.3"/>`),
  lock: icon(svg`<rect x="5" y="10.5" width="14" height="9.5" rx="1.5"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5"/>`),
}
