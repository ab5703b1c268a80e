import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { defineConfig } from 'vite'

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
  plugins: [compressed],
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
