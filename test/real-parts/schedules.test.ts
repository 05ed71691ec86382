import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import type { RunDetail, ScheduleView } from '@atrium/contract/runs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, runCli, startPlatform } from '../support/platform.ts'

const patient = { deadlineMs: 180_000, everyMs: 500 }

const notebook = {
  cells: [
    {
      cell_type: 'code',
      id: 'a',
      metadata: { tags: ['parameters'] },
      outputs: [],
      execution_count: null,
      source: 'x = 1',
    },
    {
      cell_type: 'code',
      id: 'b',
      metadata: {},
      outputs: [],
      execution_count: null,
      source: 'import os\nprint("x is", x, os.getcwd())\nassert x != 13, "unlucky"',
    },
  ],
  metadata: {},
  nbformat: 4,
  nbformat_minor: 5,
}

/** Nobody of that name has an account on the machine: her home is the platform's, and goes with it. */
describe('schedules on this machine', () => {
  let platform: Platform
  let environment: NodeJS.ProcessEnv
  const atrium = (...args: string[]) => runCli(args, environment)
  const json = async <T>(command: string, ...args: string[]) => {
    const { code, stdout, stderr } = await atrium(command, ...args)
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout) as T
  }
  /** Her home is hers alone: what is in it, jobs of hers say. */
  const inHome = async (script: string) => {
    const { code, stdout, stderr } = await atrium('run', '--', 'sh', '-c', script)
    assert.equal(code, 0, stderr)
    return stdout
  }

  before(async () => {
    platform = await startPlatform()
    await platform.api('POST', '/hub/api/users/nora')
    const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/nora/tokens', {
      body: {},
    })
    environment = { ATRIUM_URL: platform.url, ATRIUM_TOKEN: body.token }
    const text = Buffer.from(JSON.stringify(notebook)).toString('base64')
    await inHome(`mkdir work && echo ${text} | base64 -d > work/report.ipynb`)
  })
  after(() => platform.dispose())

  test('a notebook is run every minute with its parameters, and its result is below the home', async () => {
    const given = ['--notebook', 'work/report.ipynb', '--parameter', 'x=5', '--parameter', 'name=north']
    const { id } = await json<ScheduleView>(
      'schedules',
      'add',
      '--json',
      '--name',
      'each minute',
      '--cron',
      '* * * * *',
      ...given,
    )
    const run = await waitFor(
      'its first run',
      async () => {
        const [schedule] = await json<ScheduleView[]>('schedules', 'list', '--json')
        return schedule?.lastRun?.endedAtMs === undefined ? undefined : schedule.lastRun
      },
      patient,
    )
    assert.equal((await atrium('schedules', 'disable', String(id))).code, 0)
    const log = await atrium('jobs', 'log', String(run.id))
    assert.equal(run.state, 'succeeded', log.stdout)
    assert.match(run.result ?? '', /^runs\/each minute\/\d{4}-\d\d-\d\d_\d{4}_0001\.ipynb$/)
    const result = await inHome(`cat '${run.result}'`)
    assert.match(result, /x is 5 \S+\/nora\/work/)
    assert.match(result, /name = \\"north\\"/)
  })

  test('a cell that fails fails the run, and its error is in the result; old results go', async () => {
    const given = ['--notebook', 'work/report.ipynb', '--keep', '2']
    const { id } = await json<ScheduleView>(
      'schedules',
      'add',
      '--json',
      '--name',
      'few',
      '--cron',
      '@yearly',
      ...given,
    )
    const good = await atrium('schedules', 'run', String(id))
    assert.equal(good.code, 0, good.stderr + good.stdout)
    assert.equal((await atrium('schedules', 'run', String(id))).code, 0)
    const { status } = await platform.api('PATCH', `/api/v1/schedules/${id}`, {
      token: environment['ATRIUM_TOKEN'] ?? '',
      body: { notebook: { path: 'work/report.ipynb', parameters: { x: 13 } } },
    })
    assert.equal(status, 200)
    const bad = await atrium('schedules', 'run', String(id))
    assert.equal(bad.code, 1)
    assert.match(bad.stdout, /failed with AssertionError: unlucky/)
    const files = (await inHome('ls runs/few')).trim().split('\n')
    assert.deepEqual(
      files.map((file) => file.slice(-'_0001.ipynb'.length)),
      ['_0002.ipynb', '_0003.ipynb'],
    )
    assert.match(await inHome(`cat runs/few/${files[1]}`), /unlucky/)
  })

  test('an environment without papermill is said to be one', async () => {
    await inHome('mkdir -p bare/bin && ln -s /usr/bin/python3 bare/bin/python')
    const given = ['--notebook', 'work/report.ipynb', '--prefix', 'bare']
    const { id } = await json<ScheduleView>(
      'schedules',
      'add',
      '--json',
      '--name',
      'bare',
      '--cron',
      '@yearly',
      ...given,
    )
    const { code, stdout } = await atrium('schedules', 'run', String(id))
    assert.equal(code, 78)
    assert.match(stdout, /papermill is not in this environment .*install papermill/)
  })

  test('a command by the clock is listed in words, switched off, run now and removed', async () => {
    const given = ['--cron', '30 6 * * 1-5', '--timezone', 'Europe/Berlin', '--retries', '1']
    const { id } = await json<ScheduleView>(
      'schedules',
      'add',
      '--json',
      '--name',
      'words',
      ...given,
      '--',
      'sh',
      '-c',
      'echo done',
    )
    assert.match((await atrium('schedules')).stdout, /At 06:30, Monday to Friday \(Europe\/Berlin\)/)
    assert.match((await atrium('schedules', 'disable', String(id))).stdout, /Berlin\) +off$/m)
    assert.equal((await atrium('schedules', 'run', String(id))).stdout, 'done\n')
    const [last] = await json<RunDetail[]>('jobs', 'list', '--json', '--all', '--limit', '1')
    assert.equal(last?.schedule, id)
    assert.equal((await atrium('schedules', 'remove', String(id))).code, 0)
    assert.equal((await atrium('schedules', 'run', String(id))).code, 1)
    assert.match((await atrium('schedules', 'add', '--cron', '61 * * * *', 'true')).stderr, /no minute/)
  })
})
