import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readProcessSamples, renderSamples } from './metrics.ts'

test('samples are written as Prometheus reads them', () => {
  const users = { name: 'jupyterhub_total_users', help: 'Users.', type: 'gauge', value: 3 } as const
  const text = renderSamples([users, ...readProcessSamples()])
  const first = [
    '# HELP jupyterhub_total_users Users.',
    '# TYPE jupyterhub_total_users gauge',
    'jupyterhub_total_users 3',
  ]
  const lines = text.trimEnd().split('\n')
  assert.deepEqual(lines.slice(0, 3), first)
  for (const line of lines) assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+ [0-9.e+]+)$/)
})
