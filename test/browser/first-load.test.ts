import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { portalFolder } from './portal-fixture.ts'

const allowedBytes = 250_000
const staticPath = '/hub/static/'

test('the first load stays under 250 kB, compressed', () => {
  const html = readFileSync(join(portalFolder, 'index.html'), 'utf8')
  const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)
  assert.ok(files.some((url) => url.endsWith('.js')) && files.some((url) => url.endsWith('.css')))
  const bytes = files.map(
    (url) => gzipSync(readFileSync(join(portalFolder, url.slice(staticPath.length)))).length,
  )
  const total = bytes.reduce((sum, size) => sum + size, gzipSync(html).length)
  assert.ok(total < allowedBytes, `${total} bytes`)
})

test('nothing on the first page is loaded from elsewhere', () => {
  const html = readFileSync(join(portalFolder, 'index.html'), 'utf8')
  assert.doesNotMatch(html, /(?:src|href)="(?!\/hub\/static\/)/)
})
