// What the test page has of the clients: as their own users import them.
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
import { Upload } from 'tus-js-client'

Object.assign(window, { Upload, Uppy, Tus })
