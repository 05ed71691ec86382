import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { RunView } from '@atrium/contract/runs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, startPlatform } from '../support/platform.ts'
import { executeCode, openSocket } from './jupyter-socket.ts'
import { createPerson, signIn, startServer } from './people.ts'

const client = join(import.meta.dirname, '..', '..', 'python', 'client', 'src')
const patient = { deadlineMs: 90_000, everyMs: 100 }

describe('runs from Python', () => {
  let platform: Platform
  let environment: NodeJS.ProcessEnv

  before(async () => {
    platform = await startPlatform()
    await createPerson(platform, 'nora')
    const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/nora/tokens', {
      body: {},
    })
    environment = {
      PATH: process.env['PATH'],
      PYTHONPATH: client,
      ATRIUM_URL: platform.url,
      ATRIUM_TOKEN: body.token,
    }
  })
  after(() => platform.dispose())

  /** Python on a laptop. */
  function startPython(...args: string[]) {
    const child: ChildProcess = spawn('python3', args, {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { out: '', err: '' }
    child.stdout?.on('data', (chunk: Buffer) => (output.out += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (output.err += chunk.toString()))
    return { child, output, exited: once(child, 'close').then(([code, signal]) => code ?? signal) }
  }

  async function runPython(...args: string[]) {
    const python = startPython(...args)
    return { code: await python.exited, ...python.output }
  }

  const command = (...args: string[]) => runPython('-m', 'atrium_client', 'run', ...args)

  test('a run is started, waited for, read and cancelled', async () => {
    const { out, err } = await runPython(
      '-c',
      `
import atrium_client
run = atrium_client.run(["sh", "-c", "echo one; exit 3"], name="three")
print(run.wait(60), run.exit_code, run.state, repr(run.log()), run.id)
left = atrium_client.run(["sleep", "1000"])
left.cancel()
print(left.wait(60), atrium_client.Run.find(left.id).state)
try:
    atrium_client.run(["true"], array="3-1")
except atrium_client.ApiError as error:
    print(error.status, error)
try:
    atrium_client.run("a string")
except TypeError as error:
    print(error)
`,
    )
    const lines = out.split('\n')
    assert.match(lines[0] ?? '', /^3 3 failed 'one\\n' \d+$/, err)
    assert.match(lines[1] ?? '', /^130 cancelled/)
    assert.match(lines[2] ?? '', /^400 array: .*ends before it begins/)
    assert.match(lines[3] ?? '', /list of words/)
  })

  test('an array’s lines are printed with their numbers', async () => {
    const { out, err } = await runPython(
      '-c',
      `
import atrium_client
run = atrium_client.run(["sh", "-c", "echo I am $ATRIUM_ARRAY_INDEX"], array=range(3), retries=1)
assert run.stream() == 0
`,
    )
    assert.deepEqual(out.trimEnd().split('\n').sort(), ['[0] I am 0', '[1] I am 1', '[2] I am 2'], err)
  })

  test('python -m atrium_client run: output, exit status and options are as of atrium run', async () => {
    const program = 'echo "$A $B"; sleep 0.2; echo end; exit 9'
    environment['B'] = 'of mine'
    const { code, out, err } = await command('--env', 'A=1', '--env', 'B', '--', 'sh', '-c', program)
    assert.deepEqual([code, out], [9, '1 of mine\nend\n'], err)
    assert.match(err, /status 9/)
    assert.equal((await command('sh', '-c', 'kill -TERM $$')).code, 143)
    const detached = await command('--detach', '--memory', '64M', '--time', '1h', 'true')
    assert.match(detached.out, /^\d+\n$/, detached.err)
    assert.equal((await command('--memory', 'much', 'true')).code, 2)
    assert.equal((await command('--profile', 'huge', 'true')).code, 1)
  })

  test('python -m atrium_client jobs: what runs is listed, followed and cancelled', async () => {
    const jobs = (...args: string[]) => runPython('-m', 'atrium_client', 'jobs', ...args)
    const { out } = await command('--detach', '--name', 'left', '--', 'sh', '-c', 'echo on; sleep 1000')
    const id = out.trim()
    assert.match((await jobs()).out, new RegExp(`^${id} +left +\\w+ +1$`, 'm'))
    const log = startPython('-m', 'atrium_client', 'jobs', 'log', '-f', id)
    await waitFor('the program', () => log.output.out === 'on\n', patient)
    assert.equal((await jobs('cancel', id)).code, 0)
    assert.equal(await log.exited, 0, log.output.err)
    assert.match((await jobs('show', id)).out, /cancelled/)
    assert.match((await jobs('list', '--all')).out, /left +cancelled/)
    assert.equal((await jobs('log', '4711')).code, 1)
  })

  test('ctrl-C cancels, and the exit status says so', async () => {
    const python = startPython('-m', 'atrium_client', 'run', '--', 'sh', '-c', 'echo on; sleep 1000')
    await waitFor('the program', () => python.output.out === 'on\n', patient)
    python.child.kill('SIGINT')
    assert.equal(await python.exited, 130, python.output.err)
  })

  test('in a notebook it runs in the environment and folder of its server, as its owner', async () => {
    await startServer(platform, 'nora')
    const nora = await signIn(platform, 'nora')
    assert.equal((await nora.open('/user/nora/lab')).status, 200)
    const started = await nora.call('/user/nora/api/kernels', {
      method: 'POST',
      body: '{"name":"python3"}',
    })
    const { id } = JSON.parse(started.text) as { id: string }
    const kernel = await openSocket(nora, platform.url, `/user/nora/api/kernels/${id}/channels`)
    const code = `
import atrium_client, os, sys
os.makedirs("project", exist_ok=True); os.chdir("project")
run = atrium_client.run(["python", "-c", "import sys, os; print(sys.prefix, os.getcwd())"])
parts = []; code = run.stream(parts.append)
print(*parts, code, sys.prefix, os.getcwd(), sep="")`
    const [inJob = '', inKernel = ''] = (await executeCode(kernel, code)).split('\n')
    assert.equal(inKernel, `0${inJob.replace(' ', '')}`)
    kernel.close()
    const { body } = await platform.api<{ runs: RunView[] }>('GET', '/api/v1/runs?user=nora&limit=1')
    assert.match(body.runs[0]?.workingDirectory ?? '', /\/nora\/project$/)
  })
})
