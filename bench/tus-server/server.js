// What UploadApi is measured against: the official server with its S3 store as its documentation sets them up, parts as large as ours.
import { createServer } from 'node:http'
import { S3Store } from '@tus/s3-store'
import { Server } from '@tus/server'

const { AWS_S3_BUCKET, AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ASPNETCORE_URLS } = process.env
const { hostname, port } = new URL(ASPNETCORE_URLS)

const server = new Server({
  path: '/files',
  datastore: new S3Store({
    partSize: 8 * 1024 * 1024,
    s3ClientConfig: {
      bucket: AWS_S3_BUCKET,
      region: AWS_REGION,
      endpoint: AWS_ENDPOINT_URL_S3,
      forcePathStyle: true,
      credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
    },
  }),
})

createServer((request, response) => (request.url === '/' ? response.end('ready') : server.handle(request, response)))
  .listen(Number(port), hostname)
