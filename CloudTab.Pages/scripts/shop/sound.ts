import { html, type TemplateResult } from 'lit'
import { say } from '../shared/words.ts'
import { icons } from './icons.ts'

const setting = 'shop.sound'

/** Two soft notes, made here: no file to load. Browsers let a page sound only after it was touched once; `changed` is called when it may. */
export class Chime {
  #context: AudioContext | undefined
  #on = localStorage.getItem(setting) !== 'off'

  constructor(private readonly changed: () => void) {
    // Not as soon as a finger is down: a page may sound only when it is lifted (HTML, 6.4). And a button acts first, by what it showed.
    addEventListener('click', () => void this.#wake())
    addEventListener('keydown', (event) => {
      if (!(event.target instanceof HTMLButtonElement)) void this.#wake()
    })
  }

  /** Whether the page was touched, and can be heard. */
  get isAwake(): boolean {
    return this.#context?.state === 'running'
  }

  get isOn(): boolean {
    return this.#on
  }

  /** Remembered for this device. One that is on, and not awake yet, stays on. */
  toggle(): void {
    this.#on = !this.#on || !this.isAwake
    localStorage.setItem(setting, this.#on ? 'on' : 'off')
    if (this.#on) void this.#wake().then(() => this.ring())
    this.changed()
  }

  ring(): void {
    const context = this.#context
    if (!this.#on || context?.state !== 'running') return
    for (const [hertz, delay] of [
      [784, 0],
      [1047, 0.16],
    ] as const) {
      const start = context.currentTime + delay
      const tone = new OscillatorNode(context, { frequency: hertz, type: 'sine' })
      const volume = new GainNode(context, { gain: 0 })
      volume.gain.linearRampToValueAtTime(0.28, start + 0.02)
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.7)
      tone.connect(volume).connect(context.destination)
      tone.start(start)
      tone.stop(start + 0.75)
    }
  }

  async #wake(): Promise<void> {
    if (!this.#context) {
      this.#context = new AudioContext()
      this.#context.onstatechange = this.changed
    }
    if (!this.isAwake) await this.#context.resume()
  }
}

/** The button that turns the sound on and off. */
export function soundButton(chime: Chime): TemplateResult {
  if (chime.isOn && !chime.isAwake) {
    return html`<button class="quiet sound" aria-label=${say('shop.sound.touch')} title=${say('shop.sound.touch')} @click=${() => chime.toggle()}>
      ${icons.soundOff}<span>${say('shop.sound.touch')}</span>
    </button>`
  }
  return html`<button
    class="quiet sound"
    aria-pressed=${chime.isOn ? 'true' : 'false'}
    aria-label=${say('shop.sound')}
    title=${say('shop.sound')}
    @click=${() => chime.toggle()}
  >
    ${chime.isOn ? icons.soundOn : icons.soundOff}
  </button>`
}
