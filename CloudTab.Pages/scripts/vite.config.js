import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { defineConfig } from 'vite'

/**
 * The service worker (sw/sw.ts) is told what the customer's page may load: its entry, what that imports now or later, and their styles. Known
 * only when all names are; its own name in the manifest has the hash from before, and nothing loads it by that.
 */
const shell = {
  name: 'shell',
  async writeBundle({ dir }) {
    const manifest = JSON.parse(await readFile(join(dir, '.vite/manifest.json'), 'utf8'))
    const [customer, sw] = ['customer', 'sw'].map((name) => Object.values(manifest).find((chunk) => chunk.isEntry && chunk.name === name))
    const chunks = new Set([customer])
    for (const chunk of chunks) for (const key of [...(chunk.imports ?? []), ...(chunk.dynamicImports ?? [])]) chunks.add(manifest[key])
    const assets = [...chunks].flatMap((chunk) => [chunk.file, ...(chunk.css ?? [])]).map((name) => `/assets/${name}`)
    const version = createHash('sha256').update(assets.join()).digest('hex').slice(0, 8)
    const path = join(dir, sw.file)
    const script = await readFile(path, 'utf8')
    await writeFile(path, script.replace('SHELL_ASSETS', () => JSON.stringify(assets)).replace('SHELL_VERSION', () => JSON.stringify(version)))
  },
}

/** Compressed once, here, as small as it gets: a service only picks a form. */
const compressed = {
  name: 'compressed',
  async writeBundle({ dir }, files) {
    for (const name of Object.keys(files).filter((name) => /\.(m?js|css|svg|wasm|pfb)$/.test(name))) {
      const path = join(dir, name)
      const content = await readFile(path)
      await writeFile(`${path}.br`, await promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
      await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }))
    }
  },
}

export default defineConfig({
  base: '/assets/',
  publicDir: '../static',
  plugins: [shell, compressed],
  build: {
    target: 'es2022',
    assetsDir: '',
    emptyOutDir: true,
    manifest: true,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { customer: 'customer/customer.ts', shop: 'shop/shop.ts', preview: 'preview/preview.ts', sw: 'sw/sw.ts' },
    },
  },
})
