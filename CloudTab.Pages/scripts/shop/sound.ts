const setting = 'shop.sound'

/** Two soft notes, made here: no file to load. Browsers let a page sound only after it was touched once. */
export class Chime {
  #context: AudioContext | undefined
  #on = localStorage.getItem(setting) !== 'off'

  constructor() {
    const wake = (): void => {
      this.#context ??= new AudioContext()
      if (this.#context.state === 'suspended') void this.#context.resume()
    }
    addEventListener('pointerdown', wake, { passive: true })
    addEventListener('keydown', wake, { passive: true })
  }

  get isOn(): boolean {
    return this.#on
  }

  /** Remembered for this device. */
  set isOn(on: boolean) {
    this.#on = on
    localStorage.setItem(setting, on ? 'on' : 'off')
    if (on) this.ring()
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
}
