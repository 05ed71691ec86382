import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { SlurmNode } from '#scheduler/drivers/slurm/slurm-client.ts'

import { choosePartitions, compareHomes } from './check-slurm-nodes.ts'
import { readExpiry } from './check-slurm-rest.ts'
import type { Finding } from './finding.ts'
import { findSkew, judgeProbe, type ProofOfNode } from './judge-probe.ts'
import { judgeSlurmConfig, judgeVersion } from './judge-slurm-config.ts'
import { type NodeAnswer, parseNodeAnswer } from './node-answer.ts'
import type { ProbeResult } from './node-probe.ts'
import { renderFindings } from './render-findings.ts'

const key = 'doctor-0123'
const goodAnswer: NodeAnswer = {
  ...{ time: 1000.5, node: 'n1', python: '3.11.2', uid: 2001, cpus: 1, memoryLimitBytes: 100 * 2 ** 20 },
  home: { path: '/home/alice', uid: 2001, inode: 7, writable: true },
  marker: { text: key },
  munge: { credential: 'MUNGE:x:' },
  hub: { status: 404, address: '10.0.0.11' },
  port: 40_000,
}
type Answered = Extract<ProbeResult, { outcome: 'answered' }>
const goodResult: Answered = {
  ...{ outcome: 'answered', key, answer: goodAnswer, startedMs: 1_000_000, seenMs: 1_001_000 },
  file: { uid: 2001, gid: 995 },
  reached: { address: '10.0.0.11' },
}
const site = {
  owner: { login: 'alice', uid: 2001, gid: 2001 },
  ...{ hubUrl: 'http://10.0.0.1:8000', python: '/usr/bin/python3', gid: 995, isHubAbsent: false },
  shared: { root: '/shared', logs: '/shared/logs', node: '/shared/node' },
}
const goodProof: ProofOfNode = { uid: 2001, payload: key }

function judge(
  result: ProbeResult,
  proof = goodProof,
  changes: Partial<typeof site> = {},
): readonly Finding[] {
  return judgeProbe('main', result, { ...site, ...changes }, proof)
}

function judgeChanged(answer: Partial<NodeAnswer>, result: Partial<Answered> = {}): readonly Finding[] {
  return judge({ ...goodResult, ...result, answer: { ...goodAnswer, ...answer } })
}

/** The one finding that is not `ok`. */
function onlyTrouble(findings: readonly Finding[]): string {
  const troubles = findings.filter(({ status }) => status !== 'ok')
  assert.equal(troubles.length, 1, JSON.stringify(troubles))
  const [{ check, status, text, mend } = { check: '', status: '', text: '', mend: '' }] = troubles
  assert.ok(mend !== undefined && mend !== '')
  return `${status} ${check}: ${text}`
}

describe('doctor: what a node told', () => {
  test('a good node', () => {
    assert.deepEqual([...new Set(judge(goodResult).map(({ status }) => status))], ['ok'])
  })

  test('each trouble is named, and is the only one', () => {
    const cases: [readonly Finding[], RegExp][] = [
      [judgeChanged({ python: '3.6.8' }), /^problem main: python: Python 3.6.8 on n1/],
      [judgeChanged({ marker: { error: 'No such file' } }), /^problem main: shared: .*No such file/],
      [judgeChanged({ marker: { text: 'other' } }), /^problem main: shared: .*another file/],
      [judgeChanged({}, { file: { uid: 65534, gid: 995 } }), /^problem main: shared: .*uid 65534 here/],
      [judgeChanged({}, { file: { uid: 2001, gid: 2001 } }), /^problem main: shared: .*cannot read it/],
      [judgeChanged({ home: { path: '/home/alice', error: 'No such file' } }), /^problem main: home: /],
      [
        judgeChanged({ home: { path: '/h', uid: 0, writable: false } }),
        /^problem main: home: .*not its user's/,
      ],
      [judgeChanged({ hub: { error: 'timed out' } }), /^problem main: way here: .*timed out/],
      [
        judgeChanged({}, { reached: { address: '10.0.0.11', error: 'refused' } }),
        /^problem main: way there: .*refused/,
      ],
      [judgeChanged({ memoryLimitBytes: null }), /^warning main: memory limit: /],
    ]
    for (const [findings, pattern] of cases) assert.match(onlyTrouble(findings), pattern)
  })

  test('a clock that differs is seen, however long the answer took', () => {
    assert.match(onlyTrouble(judgeChanged({ time: 1031 })), /^warning main: clock: .*n1 is 30 s ahead/)
    assert.match(onlyTrouble(judgeChanged({ time: 700 })), /^problem main: clock: .*300 s behind/)
    assert.equal(findSkew(1005, 1000, 1060), 0)
    assert.equal(findSkew(1070, 1000, 1060), 10)
    assert.equal(findSkew(990, 1000, 1060), -10)
  })

  test('munge of the node: none, another key, somebody else', () => {
    const proofs: [ProofOfNode, RegExp][] = [
      [{ absent: 'munge ended with status 6' }, /makes no credential/],
      [{ refused: 'it is damaged, or of another key' }, /proves nothing here: it is damaged/],
      [{ uid: 0, payload: key }, /somebody else's/],
      [{ uid: 2001, payload: 'replayed' }, /somebody else's/],
    ]
    for (const [proof, pattern] of proofs) assert.match(onlyTrouble(judge(goodResult, proof)), pattern)
  })

  test('an address that nobody can answer yet is no problem, only unknown', () => {
    const unknown = judge(
      { ...goodResult, answer: { ...goodAnswer, hub: { error: 'refused' } } },
      goodProof,
      { isHubAbsent: true },
    )
    assert.match(onlyTrouble(unknown), /^warning main: way here: .*does not run/)
  })

  test('jobs without an answer', () => {
    const silent = (exitCode: number) => judge({ outcome: 'silent', state: 'FAILED', node: 'n2', exitCode })
    assert.match(onlyTrouble(silent(127)), /there is no \/usr\/bin\/python3 on n2/)
    assert.match(onlyTrouble(silent(2)), /n2 does not see \/shared/)
    assert.match(onlyTrouble(silent(1)), /could not write in \/shared\/logs/)
    assert.match(onlyTrouble(silent(9)), /without an answer \(FAILED, exit status 9\)/)
    assert.match(onlyTrouble(judge({ outcome: 'refused', message: 'Invalid qos' })), /^problem .*Invalid qos/)
    assert.match(onlyTrouble(judge({ outcome: 'waiting', reason: 'Resources' })), /^warning .*Resources/)
  })

  test('what is no whole answer is none', () => {
    assert.deepEqual(parseNodeAnswer(JSON.stringify(goodAnswer)), goodAnswer)
    for (const text of ['', '{', 'null', '[]', JSON.stringify({ ...goodAnswer, hub: null }), '{"time":1}'])
      assert.equal(parseNodeAnswer(text), undefined, text)
  })

  test('homes that differ between nodes', () => {
    const on = (node: string, inode: number): ProbeResult => ({
      ...goodResult,
      answer: { ...goodAnswer, node, home: { ...goodAnswer.home, inode } },
    })
    assert.deepEqual(compareHomes([on('n1', 7), on('n2', 7)]), [])
    assert.match(onlyTrouble(compareHomes([on('n1', 7), on('n2', 8)])), /n1 is another folder than on n2/)
  })
})

describe('doctor: partitions', () => {
  const node = (name: string, states: [string, ...string[]], partitions: string[]): SlurmNode => ({
    ...{
      name,
      states,
      partitions,
      cpus: 2,
      cpusUsed: 0,
      memoryMiB: 1,
      memoryUsedMiB: 0,
      gpus: 0,
      gpusUsed: 0,
    },
  })
  const nodes = [
    node('n1', ['idle'], ['main', 'low']),
    node('n2', ['down', 'not_responding'], ['broken']),
    node('c1', ['idle', 'cloud', 'powered_down'], ['cloud']),
  ]

  test('nothing is switched on only to be looked at', () => {
    const { chosen, findings } = choosePartitions(nodes, [])
    assert.deepEqual(chosen, ['main', 'low'])
    assert.match(findings[0]?.text ?? '', /switched off, and left so: cloud/)
    assert.match(onlyTrouble(findings), /not looked at: broken$/)
  })

  test('only those that are wanted', () => {
    assert.deepEqual(choosePartitions(nodes, ['low']).chosen, ['low'])
    // Who asks for it means it.
    assert.deepEqual(choosePartitions(nodes, ['cloud', 'broken']).chosen, ['cloud'])
    assert.match(onlyTrouble(choosePartitions(nodes, ['nope']).findings), /nope/)
    assert.match(onlyTrouble(choosePartitions([], []).findings), /^problem/)
  })
})

describe("doctor: Slurm's configuration", () => {
  const good = [
    ...['SLURM_VERSION           = 22.05.8', 'ProctrackType           = proctrack/cgroup'],
    ...['TaskPlugin              = task/cgroup,task/affinity', 'SelectType              = select/cons_tres'],
    ...['SelectTypeParameters    = CR_CORE_MEMORY', 'AccountingStorageType   = accounting_storage/slurmdbd'],
    ...['AccountingStorageEnforce = associations,limits,qos', 'PrivateData             = none'],
    ...['MinJobAge               = 300 sec', '', 'Cgroup Support Configuration:'],
    ...['ConstrainCores          = yes', 'ConstrainRAMSpace       = yes'],
  ].join('\n')

  test('a good one', () => {
    assert.deepEqual([...new Set(judgeSlurmConfig(good).map(({ status }) => status))], ['ok'])
  })

  test('each weakness is named, and is the only one', () => {
    const cases: [string, string, RegExp][] = [
      ['22.05.8', '20.11.9', /^problem slurmctld: Slurm 20.11.9/],
      ['22.05.8', '27.11.0', /^warning slurmctld: /],
      ['proctrack/cgroup', 'proctrack/linuxproc', /ProctrackType: proctrack\/linuxproc/],
      ['task/cgroup,task/affinity', 'task/affinity', /not held to their cores and memory/],
      ['ConstrainRAMSpace       = yes', 'ConstrainRAMSpace       = no', /ConstrainRAMSpace is not set/],
      ['select/cons_tres', 'select/linear', /SelectType: select\/linear/],
      ['CR_CORE_MEMORY', 'CR_CORE', /memory is not counted/],
      ['accounting_storage/slurmdbd', '(null)', /accounting: \(null\)/],
      ['associations,limits,qos', 'none', /nobody's limits/],
      ['= none', '= jobs,usage', /only operators see/],
      ['300 sec', '2 sec', /MinJobAge: 2 sec/],
    ]
    for (const [from, to, pattern] of cases) {
      assert.ok(good.includes(from), from)
      assert.match(onlyTrouble(judgeSlurmConfig(good.replace(from, to))), pattern)
    }
  })

  test('versions at the ends', () => {
    assert.deepEqual(
      ['21.08.0', '26.05.3', '21.07', '26.11.0', 'x'].map((version) => judgeVersion('x', version).status),
      ['ok', 'ok', 'problem', 'warning', 'warning'],
    )
  })
})

test('doctor: when a token expires', () => {
  const token = (claims: object) => `a.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c`
  assert.equal(readExpiry(`SLURM_JWT=${token({ exp: 12 })}\n`), 12_000)
  for (const text of ['', 'a.b.c', token({}), token({ exp: 'x' })]) assert.equal(readExpiry(text), undefined)
})

test('doctor: findings for people', () => {
  assert.equal(
    renderFindings([
      { check: 'munge', status: 'ok', text: 'it answers' },
      { check: 'python', status: 'problem', text: 'none', mend: 'Install one.' },
    ]),
    [
      'ok       munge              it answers',
      'problem  python             none',
      '                            Install one.',
      '',
      '1 problem.',
    ].join('\n'),
  )
  assert.match(renderFindings([]), /Everything is as it should be\.$/)
})
