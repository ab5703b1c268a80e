// One upload by tus-js-client as its users write it: node upload.mjs <file> <options as JSON>. Prints the upload's address when it is
// created, "interrupted" when it was aborted on purpose (option `interruptAt`), and "done" at the end; or the status of a refusal, and how
// many requests with bytes it took.
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { PassThrough } from 'node:stream'
import { Upload } from 'tus-js-client'

const [path, json] = process.argv.slice(2)
const { interruptAt, ...options } = JSON.parse(json)
// A length that is told at the end is for streams that have none: of a file the client announces more bytes than it sends.
const source = options.uploadLengthDeferred ? createReadStream(path).pipe(new PassThrough()) : createReadStream(path)
let patches = 0
const upload = new Upload(source, {
  retryDelays: [0, 100, 300, 1000, 3000, 5000],
  metadata: { filename: basename(path), filetype: 'application/pdf' },
  ...options,
  onUploadUrlAvailable: () => console.log(upload.url),
  onBeforeRequest: request => { patches += request.getMethod() === 'PATCH' },
  onError: error => {
    console.error(`${error}`)
    console.log(`refused with ${error.originalResponse?.getStatus()} after ${patches}`)
    process.exit(1)
  },
  onSuccess: () => console.log('done'),
  onProgress: sent => {
    if (sent > interruptAt) {
      upload.abort().then(() => { console.log('interrupted'); process.exit(0) })
    }
  },
})
upload.start()
