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

test('what labels say cannot break the lines, and a name is described once', () => {
  const sample = { name: 'use_total', help: 'Use.', type: 'counter', value: 1 } as const
  const group = 'a"b\\c\nd'
  assert.equal(
    renderSamples([
      { ...sample, labels: { group } },
      { ...sample, labels: { group: 'x', kind: 'server' } },
    ]),
    '# HELP use_total Use.\n# TYPE use_total counter\nuse_total{group="a\\"b\\\\c\\nd"} 1\nuse_total{group="x",kind="server"} 1\n',
  )
})
