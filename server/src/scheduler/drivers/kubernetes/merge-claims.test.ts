import assert from 'node:assert/strict'
import { test } from 'node:test'

import { mergeClaims } from './merge-claims.ts'

const claim = (name: string, claimName: string, more: { readOnly?: boolean } = {}) => ({
  ...{ name, persistentVolumeClaim: { claimName, ...more } },
})

test('a claim that several places show is one volume of the pod', () => {
  const merged = mergeClaims({
    volumes: [claim('root', 'files'), { name: 'tmp', emptyDir: {} }, claim('environments', 'files')],
    mounts: [
      { name: 'root', mountPath: '/home/alice', subPath: 'homes/alice' },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'environments', mountPath: '/opt/environments', subPath: 'environments', readOnly: true },
    ],
  })
  assert.deepEqual(merged, {
    volumes: [claim('root', 'files'), { name: 'tmp', emptyDir: {} }],
    mounts: [
      { name: 'root', mountPath: '/home/alice', subPath: 'homes/alice' },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'root', mountPath: '/opt/environments', subPath: 'environments', readOnly: true },
    ],
  })
})

test('what was shown read-only stays so beside a place that can be written to, whichever comes first', () => {
  const mounts = [
    { name: 'a', mountPath: '/a' },
    { name: 'b', mountPath: '/b' },
  ]
  const merged = mergeClaims({
    volumes: [claim('a', 'files', { readOnly: true }), claim('b', 'files')],
    mounts,
  })
  assert.deepEqual(merged.volumes, [claim('a', 'files')])
  assert.deepEqual(merged.mounts, [
    { name: 'a', mountPath: '/a', readOnly: true },
    { name: 'a', mountPath: '/b' },
  ])
  const all = [claim('a', 'files', { readOnly: true }), claim('b', 'files', { readOnly: true })]
  assert.deepEqual(mergeClaims({ volumes: all, mounts }).volumes, [all[0]])
})

test('claims of other names stay volumes of their own', () => {
  const volumes = [claim('a', 'one'), claim('b', 'two', { readOnly: true })]
  assert.deepEqual(mergeClaims({ volumes, mounts: [] }).volumes, volumes)
})
