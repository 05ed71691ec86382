import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, runCli, startCli, startPlatform } from '../support/platform.ts'

const patient = { deadlineMs: 90_000, everyMs: 100 }

async function createUser(platform: Platform): Promise<NodeJS.ProcessEnv> {
  await platform.api('POST', '/hub/api/users/nora')
  const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/nora/tokens', { body: {} })
  return { ATRIUM_URL: platform.url, ATRIUM_TOKEN: body.token }
}

/** Prints numbers until a file tells it to end, with status 5. */
const buildCounter = (folder: string) =>
  `i=0; until test -e ${folder}/end; do echo $i; i=$((i+1)); sleep 0.05; done; echo last; exit 5`

function assertCounted(output: string): void {
  const lines = output.trimEnd().split('\n')
  assert.equal(lines.pop(), 'last')
  assert.deepEqual(
    lines,
    lines.map((_, index) => String(index)),
  )
}

describe('a run, and what dies around it', () => {
  test('the control plane is killed: output goes on where it was, the exit status is right', async (t) => {
    const platform = await startPlatform()
    t.after(() => platform.dispose())
    const environment = await createUser(platform)
    const run = startCli(['run', '--', 'sh', '-c', buildCounter(platform.data)], environment)
    await waitFor('output', () => run.stdout().includes('3\n'), patient)
    await platform.kill()
    await waitFor('the break to be noticed', () => /does not answer/.test(run.stderr()), patient)
    const { length } = run.stdout()
    await platform.startAgain()
    await waitFor('more output', () => run.stdout().length > length, patient)
    await writeFile(join(platform.data, 'end'), '')
    assert.equal(await run.exited, 5, run.stderr())
    assertCounted(run.stdout())
  })

  test('a run that ends while the control plane is away has its output and exit status', async (t) => {
    const platform = await startPlatform()
    t.after(() => platform.dispose())
    const environment = await createUser(platform)
    const run = startCli(['run', '--', 'sh', '-c', buildCounter(platform.data)], environment)
    await waitFor('output', () => run.stdout().includes('1\n'), patient)
    await platform.kill()
    await writeFile(join(platform.data, 'end'), '')
    await platform.startAgain()
    assert.equal(await run.exited, 5, run.stderr())
    assertCounted(run.stdout())
    const { stdout } = await runCli(['jobs', 'list', '--all', '--json'], environment)
    const [view] = JSON.parse(stdout) as { state: string; exitCode: number }[]
    assert.deepEqual([view?.state, view?.exitCode], ['failed', 5])
  })

  test('the edge is killed: output goes on where it was', async (t) => {
    const platform = await startPlatform()
    t.after(() => platform.dispose())
    const environment = await createUser(platform)
    const run = startCli(['run', '--', 'sh', '-c', buildCounter(platform.data)], environment)
    await waitFor('output', () => run.stdout().includes('3\n'), patient)
    const { length } = run.stdout()
    const { pids } = JSON.parse(await readFile(join(platform.data, 'platform.json'), 'utf8')) as {
      pids: { edge: number }
    }
    process.kill(pids.edge, 'SIGKILL')
    await waitFor('more output', () => run.stdout().length > length + 40, patient)
    await writeFile(join(platform.data, 'end'), '')
    assert.equal(await run.exited, 5, run.stderr())
    assertCounted(run.stdout())
  })

  test('the control plane is killed with an array half done: every job runs once', async (t) => {
    const platform = await startPlatform()
    t.after(() => platform.dispose())
    const environment = await createUser(platform)
    const program = `echo $ATRIUM_ARRAY_INDEX >> runs; until test -e ${platform.data}/end; do sleep 0.1; done`
    const { stdout } = await runCli(
      ['run', '--detach', '--array', '0-29', '--', 'sh', '-c', program],
      environment,
    )
    const id = stdout.trim()
    await platform.kill()
    await platform.startAgain()
    await writeFile(join(platform.data, 'end'), '')
    const show = async () => {
      const answer = await runCli(['jobs', 'show', id, '--json'], environment)
      return JSON.parse(answer.stdout) as { state: string; jobs: unknown }
    }
    const ended = await waitFor(
      'the end',
      async () => {
        const run = await show()
        return run.state === 'succeeded' ? run : undefined
      },
      patient,
    )
    assert.deepEqual(ended.jobs, {
      total: 30,
      waiting: 0,
      running: 0,
      succeeded: 30,
      failed: 0,
      cancelled: 0,
    })
    const lines = await runCli(['run', '--', 'sh', '-c', 'sort -n runs'], environment)
    assert.equal(lines.stdout, Array.from({ length: 30 }, (_, index) => `${index}\n`).join(''))
  })
})
