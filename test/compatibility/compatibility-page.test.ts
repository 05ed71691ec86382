import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { buildCompatibilityPage } from './compatibility-page.ts'

test('docs/compatibility.md says what is tested', () => {
  const committed = readFileSync(join(import.meta.dirname, '../../docs/compatibility.md'), 'utf8')
  assert.equal(committed, buildCompatibilityPage(), 'run `npm run docs` and commit the page')
})
