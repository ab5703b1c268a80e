import { PreviewFailure, type PrintedSheet, type Sheets } from './sheets.ts'

// Only what no browser runs: an SVG is a document with scripts.
const pictures = ['image/jpeg', 'image/png', 'image/webp', 'image/tiff', 'image/heic', 'image/heif']

/** Its actual size is that of 300 pixels to the inch, whatever its header says. */
const pointsPerPixel = 72 / 300

/** A picture; the browser is the one to say whether it can show the type (HEIC and TIFF: Safari only). */
export async function openPicture(bytes: ArrayBuffer, mediaType: string, name: string): Promise<Sheets> {
  if (!pictures.includes(mediaType)) throw new PreviewFailure('unsupported')
  const address = URL.createObjectURL(new Blob([bytes], { type: mediaType }))
  const load = async (): Promise<HTMLImageElement> => {
    const image = new Image()
    image.src = address
    try {
      await image.decode()
    } catch {
      throw new PreviewFailure('unsupported')
    }
    return image
  }
  const shown = await load()
  shown.alt = name
  return {
    count: 1,
    async show(into) {
      into.replaceChildren(shown)
    },
    async draw(): Promise<PrintedSheet> {
      const image = await load()
      return { image, width: image.naturalWidth * pointsPerPixel, height: image.naturalHeight * pointsPerPixel }
    },
  }
}
