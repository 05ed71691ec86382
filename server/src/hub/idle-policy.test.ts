import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { buildIdleReport, decideIdle, findNextLookMs, type IdleFindings } from './idle-policy.ts'
import { parseIdleReport } from './idle-report.ts'
import type { IdleSettings } from './profile-config.ts'

const minute = 60_000
const settings: IdleSettings = { stop: true, afterMs: 60 * minute, warningMs: 5 * minute, cpuCores: 0.1 }
const start = Date.UTC(2030, 0, 1)

function find(change: Partial<IdleFindings> = {}): IdleFindings {
  return { nowMs: start, readyAtMs: start, jupyter: { kernels: [], terminals: [] }, settings, ...change }
}

function kernel(change: Partial<{ state: string; lastActivityMs: number; connections: number }> = {}) {
  return {
    id: '0123456789',
    name: 'python3',
    state: 'idle',
    lastActivityMs: start,
    connections: 0,
    ...change,
  }
}

const nothing = { stopAtMs: null, keepUntilMs: null }

describe('what counts as use of a server', () => {
  test('a busy kernel does, now', () => {
    const nowMs = start + 90 * minute
    const jupyter = { kernels: [kernel({ state: 'busy' })], terminals: [] }
    const report = buildIdleReport(find({ nowMs, jupyter }), undefined)
    assert.equal(report.lastUseMs, nowMs)
    assert.equal(report.signs[0]?.text, 'Kernel python3 (01234567) is busy.')
  })

  test('a kernel that never came up does not', () => {
    const nowMs = start + 90 * minute
    const jupyter = { kernels: [kernel({ state: 'starting' })], terminals: [] }
    assert.equal(buildIdleReport(find({ nowMs, jupyter }), undefined).lastUseMs, start)
  })

  test('open tabs do not', () => {
    const nowMs = start + 90 * minute
    const jupyter = { kernels: [kernel({ connections: 3, lastActivityMs: start + minute })], terminals: [] }
    assert.equal(buildIdleReport(find({ nowMs, jupyter }), undefined).lastUseMs, start + minute)
  })

  test('terminals and websocket messages do, when they were used last', () => {
    const nowMs = start + 90 * minute
    const jupyter = { kernels: [], terminals: [{ name: '1', lastActivityMs: start + 10 * minute }] }
    assert.equal(buildIdleReport(find({ nowMs, jupyter }), undefined).lastUseMs, start + 10 * minute)
    const messaged = buildIdleReport(find({ nowMs, jupyter, messageAtMs: start + 20 * minute }), undefined)
    assert.equal(messaged.lastUseMs, start + 20 * minute)
    const later = buildIdleReport(find({ nowMs: nowMs + minute, jupyter }), messaged)
    assert.equal(later.lastUseMs, start + 20 * minute)
  })

  test('CPU above the threshold does, as the mean since the look before', () => {
    const first = buildIdleReport(find({ cpuSeconds: 10 }), undefined)
    const quiet = buildIdleReport(find({ nowMs: start + 10 * minute, cpuSeconds: 12 }), first)
    assert.equal(quiet.lastUseMs, start)
    const busy = buildIdleReport(find({ nowMs: start + 20 * minute, cpuSeconds: 612 }), quiet)
    assert.equal(busy.lastUseMs, start + 20 * minute)
    assert.equal(busy.signs[0]?.text, 'Its programs use 1.0 cores.')
    const unmeasured = buildIdleReport(find({ nowMs: start + 30 * minute, cpuSeconds: 612 }), busy)
    assert.equal(unmeasured.lastUseMs, start + 20 * minute)
    const restarted = buildIdleReport(find({ nowMs: start + 40 * minute, cpuSeconds: 3 }), unmeasured)
    assert.equal(restarted.lastUseMs, start + 20 * minute)
  })

  test('nothing is in the future, whatever clock the server has', () => {
    const jupyter = { kernels: [kernel({ lastActivityMs: start + 999 * minute })], terminals: [] }
    assert.equal(buildIdleReport(find({ jupyter }), undefined).lastUseMs, start)
  })

  test('a server that does not answer keeps what was seen of it', () => {
    const jupyter = { kernels: [kernel({ lastActivityMs: start + 5 * minute })], terminals: [] }
    const first = buildIdleReport(find({ nowMs: start + 6 * minute, jupyter }), undefined)
    const { jupyter: _, ...silent } = find({ nowMs: start + 7 * minute })
    const second = buildIdleReport(silent, first)
    assert.equal(second.answered, false)
    assert.equal(second.lastUseMs, start + 5 * minute)
    assert.equal(second.answeredAtMs, start + 6 * minute)
  })
})

describe('the idle stop', () => {
  const reportAt = (nowMs: number, change: Partial<IdleFindings> = {}) =>
    buildIdleReport(find({ nowMs, ...change }), undefined)

  test('warns first, then stops when the warning has had its time', () => {
    const early = reportAt(start + 54 * minute)
    assert.deepEqual(decideIdle(early, settings, nothing), { kind: 'keep' })
    const near = reportAt(start + 56 * minute)
    const stopAtMs = start + 61 * minute
    assert.deepEqual(decideIdle(near, settings, nothing), { kind: 'warn', stopAtMs })
    const announced = { stopAtMs, keepUntilMs: null }
    assert.equal(decideIdle(reportAt(start + 60.5 * minute), settings, announced).kind, 'warn')
    assert.equal(decideIdle(reportAt(start + 61 * minute), settings, announced).kind, 'stop')
  })

  test('gives the full warning after nobody looked for long', () => {
    const nowMs = start + 600 * minute
    assert.deepEqual(decideIdle(reportAt(nowMs), settings, nothing), {
      kind: 'warn',
      stopAtMs: nowMs + 5 * minute,
    })
  })

  test('is off while somebody keeps the server, and where the profile says so', () => {
    const report = reportAt(start + 600 * minute)
    assert.equal(decideIdle(report, settings, { stopAtMs: null, keepUntilMs: report.atMs + 1 }).kind, 'keep')
    assert.equal(decideIdle(report, { ...settings, stop: false }, nothing).kind, 'keep')
  })

  test('is taken back when the server is used again', () => {
    const report = reportAt(start + 58 * minute, { messageAtMs: start + 57 * minute })
    assert.equal(
      decideIdle(report, settings, { stopAtMs: start + 60 * minute, keepUntilMs: null }).kind,
      'keep',
    )
  })

  test('waits for a server that does not answer as long as for one that is not used', () => {
    const answered = buildIdleReport(find({ nowMs: start + 50 * minute }), undefined)
    const { jupyter: _, ...silent } = find({ nowMs: start + 100 * minute })
    assert.equal(decideIdle(buildIdleReport(silent, answered), settings, nothing).kind, 'keep')
    const longer = buildIdleReport({ ...silent, nowMs: start + 120 * minute }, answered)
    assert.equal(decideIdle(longer, settings, nothing).kind, 'warn')
  })

  test('looks often only when a decision is near', () => {
    const everyMs = { calm: 5 * minute, near: minute }
    assert.equal(findNextLookMs(reportAt(start + minute), settings, everyMs), start + 6 * minute)
    assert.equal(findNextLookMs(reportAt(start + 52 * minute), settings, everyMs), start + 53 * minute)
  })
})

test('a report of another version is none', () => {
  assert.equal(parseIdleReport('{"old":1}'), undefined)
  assert.equal(parseIdleReport(null), undefined)
})
