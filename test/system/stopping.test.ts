import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { runCli, startPlatform } from '../support/platform.ts'

const program = join(import.meta.dirname, '..', '..', 'cli', 'bin', 'atrium.mjs')

describe('ctrl-C', () => {
  let data: string

  before(async () => {
    data = await mkdtemp(join(tmpdir(), 'atrium-'))
    await chmod(data, 0o755)
  })
  after(async () => {
    await runCli(['down', '--all', '--data', data])
    await rm(data, { recursive: true, force: true })
  })

  test('in the middle of the set-up ends with a sentence, and the next start goes on', async () => {
    const platform = start(['--env-prefix', join(data, 'new')])
    await platform.says(/^ 0:\d\d {2}Making a virtual environment/)
    platform.child.kill('SIGINT')
    assert.equal(await platform.exitCode, 130)
    assert.match(platform.errors(), /^atrium: Stopped before everything was set up\. Start again/m)
    const again = start(['--env-prefix', join(data, 'new')])
    await again.says(/Making a virtual environment/)
    again.child.kill('SIGTERM')
    assert.equal(await again.exitCode, 143)
  })

  test('says how many servers run on; without any it leaves no process behind', async () => {
    const prefix = process.env['ATRIUM_TEST_ENVIRONMENT'] ?? ''
    const first = start(['--env-prefix', prefix])
    await first.says(/Ctrl-C/)
    await runCli(['user', 'add', 'alice', '--data', data])
    assert.equal((await runCli(['server', 'start', 'alice', '--data', data])).code, 0)
    first.child.kill('SIGINT')
    await first.says(/^Stopped\. 1 server runs on: .*`npx atrium down --all`/)
    assert.equal(await first.exitCode, 0)

    const second = start(['--env-prefix', prefix])
    await second.says(/Ctrl-C/)
    assert.equal((await runCli(['server', 'stop', 'alice', '--data', data])).code, 0)
    await waitFor('her server to end', async () => {
      const { stdout } = await runCli(['server', 'list', '--data', data])
      return stdout.startsWith('No server')
    })
    second.child.kill('SIGINT')
    await second.says(/^Stopped\. No server of a user was running/)
    assert.equal(await second.exitCode, 0)
    await waitFor('all processes to end', () => listProcesses(data).length === 0)
  })

  /** `atrium up` as a person starts it, on the test's data folder. */
  function start(args: readonly string[]) {
    const child = spawn(process.execPath, [program, 'up', '--data', data, '--port', '0', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const lines: string[] = []
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    return {
      child,
      exitCode: waitForExit(child),
      errors: () => errors,
      says: (words: RegExp) => waitFor(String(words), () => lines.some((line) => words.test(line))),
    }
  }
})

function waitForExit(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve))
}

test('`atrium down --all` ends the services of the platform, too', async () => {
  // Unlike any other program's argument.
  const command = ['sleep', `1000.${process.pid}`]
  const platform = await startPlatform({
    config: JSON.stringify({ services: [{ name: 'sleeper', command }] }),
  })
  const find = () => listProcesses(command.join(' '))
  // Within a second it would not be started again in any case.
  await waitFor('the service to have run for a while', () =>
    find().some((line) => Number.parseInt(line, 10) > 1),
  )
  await platform.dispose()
  assert.deepEqual(find(), [])
})

/** Processes whose command line holds the text: for how many seconds they have run, and the line. */
function listProcesses(text: string): string[] {
  const listing = execFileSync('ps', ['-eo', 'etimes=,args=']).toString()
  return listing.split('\n').filter((line) => line.includes(text) && !line.includes(' ps '))
}
