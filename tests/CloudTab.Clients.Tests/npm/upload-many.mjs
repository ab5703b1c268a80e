// Many uploads by tus-js-client, some at a time: node upload-many.mjs <how many at a time> <JSON file with [{ path, endpoint }]>.
// Prints what went wrong for good, and "done" at the end.
import { createReadStream, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Upload } from 'tus-js-client'

const [atATime, list] = process.argv.slice(2)
const waiting = JSON.parse(readFileSync(list, 'utf8'))
let failed = 0

const send = ({ path, endpoint }) => new Promise(resolve => {
  new Upload(createReadStream(path), {
    endpoint,
    retryDelays: Array(60).fill(300),
    metadata: { filename: basename(path) },
    onError: error => { console.log(`${basename(path)}: ${error}`); failed++; resolve() },
    onSuccess: resolve,
  }).start()
})

await Promise.all(Array.from({ length: atATime }, async () => {
  while (waiting.length > 0) await send(waiting.shift())
}))
console.log(failed === 0 ? 'done' : `${failed} failed`)
process.exit(0)
