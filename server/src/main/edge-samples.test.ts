import assert from 'node:assert/strict'
import { test } from 'node:test'

import { renderSamples } from '#observe/metrics.ts'
import { readEdgeSamples } from './edge-samples.ts'

test('an edge that does not answer is told of as down, and keeps no other figure', async () => {
  for (const status of [() => Promise.reject(new Error('gone')), () => new Promise<never>(() => undefined)]) {
    assert.match(
      renderSamples(await readEdgeSamples({ status })),
      /^# HELP .*\n# TYPE .* gauge\natrium_edge_up 0\n$/,
    )
  }
})
