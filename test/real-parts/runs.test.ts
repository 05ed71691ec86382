import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { RunDetail, RunView } from '@atrium/contract/runs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, runCli, startCli, startPlatform } from '../support/platform.ts'

const patient = { deadlineMs: 90_000, everyMs: 100 }

/** Prints a line, and another for each file `go-N` that appears in the folder it is given. */
const talker = `
import os, sys, time
folder, = sys.argv[1:]
print("begun", flush=True)
number = 0
while number < 3:
    if os.path.exists(f"{folder}/go-{number}"):
        print(f"line {number}", flush=True)
        number += 1
    time.sleep(0.02)
`

describe('atrium run on this machine', () => {
  let platform: Platform
  let environment: NodeJS.ProcessEnv

  /** As a user would on her laptop. */
  const atrium = (...args: string[]) => runCli(args, environment)
  const start = (...args: string[]) => startCli(args, environment)
  const listRuns = async () =>
    JSON.parse((await atrium('jobs', 'list', '--all', '--json')).stdout) as RunView[]

  before(async () => {
    platform = await startPlatform()
    await platform.api('POST', '/hub/api/users/nora')
    const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/nora/tokens', {
      body: {},
    })
    environment = { ATRIUM_URL: platform.url, ATRIUM_TOKEN: body.token }
  })
  after(() => platform.dispose())

  /** A folder of files by which a test tells programs to go on. */
  const makeFolder = async (name: string) => {
    const folder = join(platform.data, name)
    await mkdir(folder)
    return folder
  }

  test('output and exit status are the program’s, and it runs in the environment of the platform', async () => {
    const program = 'import sys, os; print(sys.prefix, os.environ["A"], os.getcwd()); sys.exit(7)'
    const { code, stdout, stderr } = await atrium('run', '--env', 'A=b c', '--', 'python', '-c', program)
    assert.equal(code, 7, stderr)
    assert.match(stdout, /^\S+ b c \S+nora\n$/)
    assert.match(stderr, /status 7/)
    const { code: ofSignal } = await atrium('run', 'sh', '-c', 'kill -9 $$')
    assert.equal(ofSignal, 137)
    const missing = await atrium('run', '--', 'no-such-program')
    assert.notEqual(missing.code, 0)
    assert.match(missing.stderr, /no-such-program/)
  })

  test('atrium_client is there for any Python', async () => {
    const { stdout, stderr } = await atrium(
      'run',
      '--',
      'python',
      '-c',
      'import atrium_client; print("there")',
    )
    assert.equal(stdout, 'there\n', stderr)
  })

  test('output is passed on while the program runs', async () => {
    const folder = await makeFolder('live')
    const run = start('run', '--', 'python', '-c', talker, folder)
    for (const [number, seen] of ['begun\n', 'begun\nline 0\n', 'begun\nline 0\nline 1\n'].entries()) {
      await waitFor(`line ${number}`, () => run.stdout() === seen, patient)
      await writeFile(join(folder, `go-${number}`), '')
    }
    assert.equal(await run.exited, 0, run.stderr())
    assert.equal(run.stdout(), 'begun\nline 0\nline 1\nline 2\n')
  })

  test('ctrl-C cancels it, and the exit status says so', async () => {
    const run = start('run', '--name', 'interrupted', '--', 'sh', '-c', 'echo on; sleep 1000')
    await waitFor('the program', () => run.stdout() === 'on\n', patient)
    run.kill('SIGINT')
    assert.equal(await run.exited, 130, run.stderr())
    const [last] = await listRuns()
    assert.deepEqual(
      [last?.name, last?.state, last?.message],
      ['interrupted', 'cancelled', 'Cancelled by nora.'],
    )
  })

  test('a second ctrl-C leaves at once, whatever the program does', async () => {
    const folder = await makeFolder('stubborn')
    const run = start(
      'run',
      '--',
      'sh',
      '-c',
      `trap '' TERM; echo on; until test -e ${folder}/end; do sleep 0.1; done`,
    )
    await waitFor('the program', () => run.stdout() === 'on\n', patient)
    run.kill('SIGINT')
    await waitFor('the first', () => /Once more leaves/.test(run.stderr()), patient)
    const ended = await waitFor(
      'the second',
      async () => {
        run.kill('SIGINT')
        return Promise.race([run.exited, new Promise((resolve) => setTimeout(resolve, 400, undefined))])
      },
      patient,
    )
    assert.equal(ended, 130)
    await writeFile(join(folder, 'end'), '')
  })

  test('an array’s lines say whose they are, and one that failed fails the run', async () => {
    const program = 'echo "I am $ATRIUM_ARRAY_INDEX"; test $ATRIUM_ARRAY_INDEX != 3'
    const { code, stdout, stderr } = await atrium('run', '--array', '1-6', '--', 'sh', '-c', program)
    assert.equal(code, 1, stderr)
    assert.deepEqual(
      stdout.trimEnd().split('\n').sort(),
      [1, 2, 3, 4, 5, 6].map((number) => `[${number}] I am ${number}`),
    )
    assert.match(stderr, /\[3\] .*status 1/)
  })

  test('a failed program is run again, its output follows try by try', async () => {
    const program = 'echo try; test -e was || { touch was; exit 3; }'
    const { code, stdout, stderr } = await atrium('run', '--retries', '2', '--', 'sh', '-c', program)
    assert.deepEqual([code, stdout], [0, 'try\ntry\n'], stderr)
    assert.match(stderr, /Try 2/)
  })

  test('--detach prints its number; it is listed, followed and cancelled by that', async () => {
    const { stdout } = await atrium(
      'run',
      '--detach',
      '--name',
      'left',
      '--',
      'sh',
      '-c',
      'echo on; sleep 1000',
    )
    const id = stdout.trim()
    assert.match(id, /^\d+$/)
    assert.match((await atrium('jobs')).stdout, /left/)
    const log = start('jobs', 'log', id, '--follow')
    await waitFor('the program', () => log.stdout() === 'on\n', patient)
    assert.equal((await atrium('jobs', 'cancel', id)).code, 0)
    assert.equal(await log.exited, 0, log.stderr())
    const { stdout: shown } = await atrium('jobs', 'show', id, '--json')
    assert.equal((JSON.parse(shown) as RunDetail).state, 'cancelled')
    assert.equal((await atrium('jobs', 'log', '4711')).code, 1)
  })

  test('a token that may run programs and nothing else does', async () => {
    const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/nora/tokens', {
      body: { scopes: ['jobs!user=nora'] },
    })
    const few = { ...environment, ATRIUM_TOKEN: body.token }
    const { stdout, stderr } = await runCli(['run', '--', 'echo', 'done'], few)
    assert.equal(stdout, 'done\n', stderr)
  })

  test('an administrator of this machine runs as a user, and as nobody without saying so', async () => {
    const { code, stdout, stderr } = await runCli([
      ...['run', '--data', platform.data, '--user', 'nora', '--', 'sh', '-c', 'echo $USER'],
    ])
    assert.equal(code, 0, stderr)
    assert.notEqual(stdout, '\n')
    const nobody = await runCli(['run', '--data', platform.data, '--', 'true'])
    assert.equal(nobody.code, 2)
    assert.match(nobody.stderr, /--user NAME/)
    const { body } = await platform.api<{ api_tokens: { note: string }[] }>(
      'GET',
      '/hub/api/users/nora/tokens',
    )
    assert.deepEqual(
      body.api_tokens.filter(({ note }) => note === 'atrium run'),
      [],
    )
  })

  test('what is asked wrongly is refused with its reason', async () => {
    for (const [args, message] of [
      [['--time', 'soon'], /length of time/],
      [['--memory', '-1'], /a size/],
      [['--array', '3-1'], /ends before it begins/],
      [['--env', 'NO_SUCH_VARIABLE'], /no such variable/],
    ] as const) {
      const { code, stderr } = await atrium('run', ...args, '--', 'true')
      assert.notEqual(code, 0)
      assert.match(stderr, message)
    }
  })
})

describe('atrium run beyond a quota', () => {
  test('says why and where in the queue it waits, and runs when it is its turn', async (t) => {
    const platform = await startPlatform({
      config: JSON.stringify({ profiles: [{ name: 'one', cpu: 1 }], quotas: { user: { cpu: 1 } } }),
    })
    t.after(() => platform.dispose())
    await platform.api('POST', '/hub/api/users/nora')
    const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/nora/tokens', { body: {} })
    const environment = { ATRIUM_URL: platform.url, ATRIUM_TOKEN: body.token }
    const first = await runCli(['run', '--detach', '--', 'sleep', '1000'], environment)
    const second = startCli(['run', '--', 'echo', 'its turn'], environment)
    await waitFor(
      'its place',
      () => /The limit of the user nora is 1 CPU.*queue: 1/.test(second.stderr()),
      patient,
    )
    assert.equal((await runCli(['jobs', 'cancel', first.stdout.trim()], environment)).code, 0)
    assert.equal(await second.exited, 0, second.stderr())
    assert.equal(second.stdout(), 'its turn\n')
    const never = await runCli(['run', '--cpu', '2', '--', 'true'], environment)
    assert.match(never.stderr, /The limit of the user nora is 1 CPU/)
  })
})
