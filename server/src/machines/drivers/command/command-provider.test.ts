import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'

import { type CommandProviderConfig, createCommandProvider } from './command-provider.ts'

describe('machines by programs of the site', () => {
  let folder: string
  let made = 0

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atrium-machines-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** A provider whose two programs are these scripts, with `{node}` as their only argument. */
  async function create(
    scripts: { resume?: string; suspend?: string },
    extra: Partial<CommandProviderConfig> = {},
  ) {
    const write = async (name: string, script = 'true') => {
      const path = join(folder, `${name}-${++made}`)
      await writeFile(path, `#!/bin/sh\ncd ${folder}\n${script}\n`)
      await chmod(path, 0o755)
      return [path, '{node}'] as const
    }
    return createCommandProvider({
      resume: await write('resume', scripts.resume),
      suspend: await write('suspend', scripts.suspend),
      environment: {},
      timeoutMs: 10_000,
      atOnce: 4,
      cluster: async () => 'tests',
      ...extra,
    })
  }
  const signal = new AbortController().signal

  test('runs the program once a node, and reads where its machine is', async () => {
    const machines = await create({
      resume:
        'echo making $1 $ATRIUM_NODE in $ATRIUM_CLUSTER$ZONE; echo address=10.0.0.$(echo $1 | tr -d c); echo hostname=ip-$1',
    })
    assert.deepEqual(Object.fromEntries(await machines.start(['c1', 'c2'], { signal })), {
      c1: { ok: true, address: '10.0.0.1', hostname: 'ip-c1' },
      c2: { ok: true, address: '10.0.0.2', hostname: 'ip-c2' },
    })
  })

  test('gives the program its variables and nothing else of the environment', async () => {
    process.env['ATRIUM_TEST_SECRET'] = 'x'
    const machines = await create({ suspend: 'env >seen-$1' }, { environment: { ZONE: 'a' } })
    await machines.stop(['c3'], { signal })
    delete process.env['ATRIUM_TEST_SECRET']
    const seen = (await readFile(join(folder, 'seen-c3'), 'utf8'))
      .split('\n')
      .map((line) => line.split('=')[0])
    assert.deepEqual(
      seen.filter((name) => name !== '' && !['PWD', 'OLDPWD', '_', 'SHLVL'].includes(name ?? '')).sort(),
      ['ATRIUM_CLUSTER', 'ATRIUM_NODE', 'LANG', 'PATH', 'ZONE'],
    )
  })

  test('fails for the nodes it failed for, with the last line of the complaint', async () => {
    const machines = await create({ resume: '[ $1 = c1 ] || { echo more >&2; echo no quota >&2; exit 3; }' })
    const outcomes = await machines.start(['c1', 'c2'], { signal })
    assert.deepEqual(outcomes.get('c1'), { ok: true })
    const failed = outcomes.get('c2')
    assert.match(failed?.ok === false ? failed.reason : '', /resume-\d+ ended with status 3: no quota$/)
  })

  test('fails for a program that is not there, and for an address that is none', async () => {
    const absent = await create({}, { resume: ['/nowhere/at-all'] })
    assert.equal((await absent.start(['c1'], { signal })).get('c1')?.ok, false)
    const wrong = await create({ resume: 'echo "address=10.0.0.1,c2"' })
    assert.deepEqual((await wrong.start(['c1'], { signal })).get('c1'), {
      ok: false,
      reason: 'not an address: "10.0.0.1,c2"',
    })
  })

  test('lists the nodes that have a machine, if there is a program for that', async () => {
    assert.equal((await create({})).list, undefined)
    const machines = await create({}, { list: ['/bin/sh', '-c', 'echo c1; echo c2; echo other'] })
    assert.deepEqual(await machines.list?.(['c2', 'c3'], { signal }), ['c2'])
    const broken = await create({}, { list: ['/bin/false'] })
    await assert.rejects(async () => broken.list?.(['c2'], { signal }), /ended with status 1/)
  })

  test('ends a program that takes too long, with what it started', async () => {
    const machines = await create({ resume: 'sleep 300 & echo $! >child; wait' }, { timeoutMs: 300 })
    const outcome = (await machines.start(['c1'], { signal })).get('c1')
    assert.match(outcome?.ok === false ? outcome.reason : '', /took longer than 0.3 s/)
    const child = (await readFile(join(folder, 'child'), 'utf8')).trim()
    await waitFor('the child to end', async () => {
      if (!existsSync(`/proc/${child}`)) return true
      return (await readFile(`/proc/${child}/stat`, 'utf8').catch(() => ') Z')).includes(') Z')
    })
  })

  test('when it is interrupted, what runs is ended and what waits is not begun', async () => {
    const stop = new AbortController()
    const machines = await create({ resume: 'echo $1 >>begun; sleep 300' }, { atOnce: 1 })
    const outcomes = machines.start(['c1', 'c2'], { signal: stop.signal })
    await waitFor('the first to begin', () => existsSync(join(folder, 'begun')))
    stop.abort()
    const reason = { ok: false, reason: 'it was interrupted' }
    assert.deepEqual(Object.fromEntries(await outcomes), { c1: reason, c2: reason })
    assert.equal(await readFile(join(folder, 'begun'), 'utf8'), 'c1\n')
  })

  test('does not wait for what the program leaves running', async () => {
    const machines = await create({ resume: 'sleep 300 & echo $! >left; echo address=10.0.0.9' })
    const outcomes = await machines.start(['c1'], { signal })
    process.kill(Number(await readFile(join(folder, 'left'), 'utf8')))
    assert.deepEqual(outcomes.get('c1'), { ok: true, address: '10.0.0.9' })
  })
})
