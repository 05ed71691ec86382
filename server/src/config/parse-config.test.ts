import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { ConfigError } from './config-problem.ts'
import { loadConfig } from './load-config.ts'
import { parseConfig } from './parse-config.ts'

function findProblems(text: string): readonly { path: string; line?: number; message: string }[] {
  try {
    parseConfig(text, 'atrium.yaml')
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
}

test('what is no address of a proxy is named with its line', () => {
  const good = ['10.0.0.7', '10.0.0.0/8', '::1', 'fd00::/8', '0.0.0.0/0']
  const bad = ['localhost', '10.0.0.0/33', '10.0.0.0/x', '10.0.0/8', '::1/129', '10.0.0.0/8/8', '']
  const list = (ranges: readonly string[]) =>
    `edge:\n  trustedProxies:\n${ranges.map((range) => `    - "${range}"\n`).join('')}`
  assert.deepEqual(findProblems(list(good)), [])
  const problems = findProblems(list(bad))
  assert.deepEqual(
    problems.map(({ path, line }) => [path, line]),
    bad.map((_, at) => [`edge.trustedProxies[${at}]`, at + 3]),
  )
  assert.match(problems[0]?.message ?? '', /"localhost" is no address/)
})

test('an upload is limited by a size', () => {
  assert.equal(parseConfig('edge: {maxUpload: 20G}', 'atrium.yaml').edge.maxUpload, '20G')
  assert.equal(findProblems('edge: {maxUpload: much}').length, 1)
})

test('every problem is named, not only the first few', () => {
  const profiles = Array.from({ length: 30 }, (_, at) => `  - {name: p${at}, cpu: -1}\n`).join('')
  const problems = findProblems(`profiles:\n${profiles}log: {level: loud}\n`)
  assert.equal(problems.length, 31)
  assert.equal(problems.at(-1)?.path, 'log.level')
})

test('a key that stands twice is named with both lines', () => {
  assert.deepEqual(findProblems('edge:\n  port: 80\nadmins: []\nedge:\n  host: localhost\n'), [
    {
      file: 'atrium.yaml',
      line: 4,
      column: 1,
      path: '',
      message: 'the key edge stands twice; the first is on line 1',
    },
  ])
})

test('what is no map, and what would fill the memory, is a problem like others', () => {
  for (const text of ['- admins\n', 'hello\n'])
    assert.match(findProblems(text)[0]?.message ?? '', /must be a map/)
  const levels = Array.from({ length: 8 }, (_, at) => {
    const inner = at === 0 ? 'x' : `*l${at - 1}`
    return `l${at}: &l${at} [${Array.from({ length: 9 }, () => inner).join(', ')}]\n`
  })
  assert.match(findProblems(levels.join(''))[0]?.message ?? '', /alias/i)
  assert.match(findProblems('admins: *nobody\n')[0]?.message ?? '', /nobody/)
  assert.match(findProblems('admins: []\n---\nadmins: []\n')[0]?.message ?? '', /second document/)
})

test('nothing and a comment alone are whole configurations', () => {
  for (const text of ['', '# later\n', '---\n', 'null\n']) assert.deepEqual(findProblems(text), [])
})

test('a file that is not in UTF-8 is refused, not read as something else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atrium-config-'))
  try {
    await writeFile(join(folder, 'atrium.yaml'), Buffer.from('admins: [J\u00f6rg]', 'latin1'))
    await assert.rejects(loadConfig(join(folder, 'atrium.yaml')), /not in UTF-8/)
    await assert.rejects(loadConfig(folder), /this is a folder/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('what only a batch system can do is refused on one machine, each key with its line', () => {
  const keys = [
    'gpu: 1',
    'partition: gpu',
    'account: physics',
    'qos: high',
    'constraint: skylake&ib',
    'reservation: course',
    'gres: nvme:1',
    'exclusive: true',
    'nodes: 2',
    'tasks: 4',
    'preemptible: true',
  ]
  const problems = findProblems(`profiles:\n  - name: big\n${keys.map((key) => `    ${key}\n`).join('')}`)
  assert.deepEqual(
    problems.map(({ path, line }) => [path, line]),
    keys.map((key, at) => [`profiles[0].${key.split(':')[0]}`, at + 3]),
  )
  assert.match(problems[0]?.message ?? '', /"local" cannot do this: it gives no GPUs/)
  assert.deepEqual(findProblems('profiles: [{name: a, gpu: 0, nodes: 1, tasks: 1, exclusive: false}]'), [])
})

test('words for a batch system are only what its options can be made of', () => {
  const hostile = ['x y', '-p', '--wrap=id', 'a;b', '$(id)', 'a\\nb', 'a"b', '', 'ä', 'a'.repeat(65)]
  for (const key of ['partition', 'account', 'qos', 'reservation', 'gpuType']) {
    for (const value of hostile) {
      const problems = findProblems(`profiles: [{name: a, ${key}: ${JSON.stringify(value)}}]`)
      assert.match(problems[0]?.message ?? '', /right form/, `${key}: ${value}`)
    }
  }
  for (const value of ['-x', 'a b', 'a,b', 'a=b', '`id`', ';']) {
    const problems = findProblems(`profiles: [{name: a, constraint: ${JSON.stringify(value)}}]`)
    assert.match(problems[0]?.message ?? '', /right form/, value)
  }
  for (const value of ['-x', 'a b', 'nvme:1;x', 'a::b', 'nvme:1 --wrap=x']) {
    const problems = findProblems(`profiles: [{name: a, gres: ${JSON.stringify(value)}}]`)
    assert.match(problems[0]?.message ?? '', /right form/, value)
  }
})

test('GPUs are asked for where quotas and bills see them', () => {
  const [hidden] = findProblems('profiles: [{name: a, gres: "nvme:1,gpu:a100:2"}]').filter(({ message }) =>
    message.includes('gpuType'),
  )
  assert.equal(hidden?.path, 'profiles[0].gres')
  assert.ok(
    findProblems('profiles: [{name: a, gpuType: a100}]').some(({ message }) => /how many/.test(message)),
  )
})

test('a Slurm cluster has to be described, and to be within reach of its nodes', () => {
  const slurm = (more: string, edge = '') =>
    findProblems(`${edge}scheduler: {driver: slurm, slurm: {shared: /shared/atrium${more}}}\n`)
  assert.deepEqual(slurm(', hubUrl: "http://10.0.0.1:8000"'), [])
  assert.deepEqual(slurm('', 'edge: {publicUrl: "https://atrium.example"}\n'), [])
  const paths = (problems: ReturnType<typeof findProblems>) => problems.map(({ path }) => path)
  assert.deepEqual(paths(findProblems('scheduler: {driver: slurm}\n')), ['scheduler.driver'])
  for (const url of [
    'http://localhost:8000',
    'http://127.0.0.1',
    'http://0.0.0.0:8000',
    'http://[::1]:8000',
  ]) {
    assert.deepEqual(paths(slurm(`, hubUrl: "${url}"`)), ['scheduler.slurm.hubUrl'], url)
  }
  assert.deepEqual(paths(slurm('', 'edge: {publicUrl: "http://localhost:8000"}\n')), ['edge.publicUrl'])
  const rest = (keys: string) =>
    paths(slurm(`, hubUrl: "http://10.0.0.1", rest: {url: "unix:/run/slurmrestd.socket"${keys}}`))
  assert.deepEqual(rest(', jwtKeyFile: /k'), [])
  assert.deepEqual(rest(', jwtKeyFile: /k, tokenFile: /t'), ['scheduler.slurm.rest.tokenFile'])
  assert.deepEqual(rest(''), ['scheduler.slurm.rest'])
  const ports = (first: number, last: number) =>
    paths(slurm(`, hubUrl: "http://10.0.0.1", ports: {first: ${first}, last: ${last}}`))
  assert.deepEqual(ports(20_000, 20_000), [])
  assert.deepEqual(ports(20_001, 20_000), ['scheduler.slurm.ports.last'])
  assert.deepEqual(ports(80, 20_000), ['scheduler.slurm.ports.first'])
  assert.equal(slurm(', hubUrl: "http://10.0.0.1", defaults: {partition: "a;b"}').length, 1)
})
