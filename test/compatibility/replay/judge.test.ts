import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { Chapter, Step } from '../corpus/step.ts'
import { anything } from '../differences/wanted-difference.ts'
import { createJudge, describeDifference } from './judge.ts'
import { normaliseAnswer } from './normalise.ts'
import type { RecordedAnswer } from './recorded-answer.ts'

const step: Step = { name: 'read one', request: 'GET /hub/api/users/alice', as: 'alice' }
const chapter: Chapter = { name: 'users', title: 'Users', steps: [step] }
const answer: RecordedAnswer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  cookies: { '_xsrf /hub/': { path: '/hub/', isHttpOnly: false } },
  body: {
    name: 'alice',
    admin: false,
    last_activity: null,
    servers: { '': { ready: true } },
    groups: ['a', 'b'],
    names: ['a', 'b'],
  },
}

const entry = { steps: ['users/*'], jupyterhub: 'x', atrium: 'y', reason: 'z' }

/** The answer with one planted change. */
const planted: ReadonlyMap<string, RecordedAnswer> = new Map([
  ['status is 500: JupyterHub answers 200', { ...answer, status: 500 }],
  ['headers/content-type is missing: JupyterHub answers "application/json"', { ...answer, headers: {} }],
  [
    'cookies/_xsrf /hub//isHttpOnly is true: JupyterHub answers false',
    { ...answer, cookies: { '_xsrf /hub/': { path: '/hub/', isHttpOnly: true } } },
  ],
  ['body/admin is "false": JupyterHub answers false', withBody({ admin: 'false' })],
  ['body/last_activity is "": JupyterHub answers null', withBody({ last_activity: '' })],
  ['body/secret is extra: "hush"', withBody({ secret: 'hush' })],
  ['body/servers//ready is false: JupyterHub answers true', withBody({ servers: { '': { ready: false } } })],
  ['body/groups/a is missing: JupyterHub answers "a"', withBody({ groups: ['b'] })],
  ['body/names/1 is missing: JupyterHub answers "b"', withBody({ names: ['a'] })],
])

function withBody(change: Readonly<Record<string, unknown>>): RecordedAnswer {
  return { ...answer, body: { ...(answer.body as object), ...change } }
}

describe('the comparison', () => {
  test('finds nothing between equal answers', () => {
    assert.deepEqual(createJudge([]).judge(chapter, step, answer, structuredClone(answer)), [])
  })

  for (const [expected, seen] of planted) {
    test(`sees a planted change: ${expected}`, () => {
      const found = createJudge([]).judge(chapter, step, answer, seen)
      assert.deepEqual(
        found.map((one) => describeDifference(one)),
        [expected],
      )
    })
  }

  test('accepts a wanted difference there and nowhere else', () => {
    const judge = createJudge([{ ...entry, fields: { 'body/servers/*/ready': false } }])
    const changed = withBody({ servers: { '': { ready: false } }, admin: true })
    assert.deepEqual(
      judge.judge(chapter, step, answer, changed).map(({ field }) => field),
      ['body/admin'],
    )
    assert.equal(judge.judge({ ...chapter, name: 'groups' }, step, answer, changed).length, 2)
  })

  test('accepts a wanted difference by its values only', () => {
    const judge = createJudge([{ ...entry, fields: { 'body/last_activity': /^never$/ }, reference: null }])
    assert.equal(judge.judge(chapter, step, answer, withBody({ last_activity: 'never' })).length, 0)
    assert.equal(judge.judge(chapter, step, answer, withBody({ last_activity: 'soon' })).length, 1)
  })

  test('tells which steps and fields of wanted differences never occurred', () => {
    const judge = createJudge([
      { ...entry, steps: ['users/*', 'groups/*'], fields: { status: 201, 'body/kind': anything } },
    ])
    judge.judge(chapter, step, answer, { ...answer, status: 201 })
    assert.deepEqual(judge.listUnused(), ['groups/*: z', 'body/kind: z'])
  })
})

describe('normalised answers', () => {
  const run = { origin: 'http://127.0.0.1:4321', captured: new Map([['tokenId', 'a17']]) }
  const normalise = (body: unknown, more: Partial<Step> = {}) =>
    normaliseAnswer({ ...answer, body }, { ...step, ...more }, run).body

  test('keep the form of what is random and forget its value', () => {
    assert.deepEqual(normalise({ id: 'a4', created: '2026-11-24T03:00:00.123Z', token: 'f'.repeat(32) }), {
      created: '<time>',
      id: '<id>',
      token: '<token>',
    })
    assert.deepEqual(normalise({ id: '4', created: 'today' }), { created: 'today', id: '4' })
  })

  test('know the platform and captured values again, wherever they stand alone', () => {
    assert.deepEqual(normalise({ url: 'http://127.0.0.1:4321/hub/', message: 'No a17, but a171' }), {
      message: 'No <tokenId>, but a171',
      url: '<origin>/hub/',
    })
  })

  test('sort sets, and lists only when the step says so', () => {
    assert.deepEqual(normalise({ scopes: ['b', 'a'], names: ['b', 'a'] }), {
      names: ['b', 'a'],
      scopes: ['a', 'b'],
    })
    const users = [{ name: 'b' }, { name: 'a' }]
    assert.deepEqual(normalise(users), users)
    assert.deepEqual(normalise(users, { unordered: { list: 'body', by: 'name' } }), users.toReversed())
  })

  test('replace by its type what a step calls volatile', () => {
    assert.deepEqual(normalise({ python: '3.11', state: {} }, { volatile: ['body/python', 'body/state'] }), {
      python: '<string>',
      state: '<object>',
    })
  })
})
