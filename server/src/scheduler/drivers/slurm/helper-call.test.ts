import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'
import { createOwnerCommands } from './helper-call.ts'
import { SlurmRefusal, type SlurmSubmission } from './slurm-client.ts'

const owner = { login: 'alice', uid: 2001, gid: 2001 }
const submission: SlurmSubmission = {
  owner,
  name: 'atrium-server',
  comment: 'atrium site server-a-1',
  command: ['/usr/bin/python3', 'server-a-1'],
  arraySize: 1,
  tasks: 1,
  exclusive: false,
}
const options = { signal: new AbortController().signal }
let folder = ''

/** A helper that behaves as this script does. */
function commandsOf(script: string, timeoutMs = 60_000) {
  const path = join(folder, 'helper')
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return createOwnerCommands({ argv: [path, '--given'], timeoutMs })
}

function submitWith(script: string, timeoutMs?: number): Promise<number> {
  return commandsOf(script, timeoutMs).submit(submission, options)
}

const isUnavailable = (pattern: RegExp) => (error: unknown) =>
  isPlatformError(error) && error.code === 'scheduler_unavailable' && pattern.test(error.message)

const isRefusal = (message: string) => (error: unknown) =>
  error instanceof SlurmRefusal && error.message === message

describe('Slurm: what the privileged helper answers', () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'atrium-helper-call-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('the id of a submitted job, with or without its cluster', async () => {
    assert.equal(await submitWith('cat > /dev/null; test "$*" = "--given submit" && echo 123'), 123)
    assert.equal(await submitWith("cat > /dev/null; echo '123;east'"), 123)
    await assert.rejects(submitWith('cat > /dev/null; echo sorry'), isUnavailable(/did not tell the id/))
  })

  test('the request comes by standard input, not among the arguments', async () => {
    await submitWith(`cat > ${folder}/request; echo 1`)
    const read = readFileSync(`${folder}/request`, 'utf8')
    assert.deepEqual(JSON.parse(read), submission)
  })

  test("Slurm's no is a refusal, its silence is none", async () => {
    const no = 'sbatch: error: Batch job submission failed: Invalid qos specification'
    await assert.rejects(
      submitWith(`echo '${no}' >&2; exit 1`),
      isRefusal('Batch job submission failed: Invalid qos specification'),
    )
    const silence = 'sbatch: error: Unable to contact slurm controller (connect failure)'
    await assert.rejects(submitWith(`echo '${silence}' >&2; exit 1`), isUnavailable(/Unable to contact/))
  })

  test("the helper's own no is a refusal; trouble of the set-up is not", async () => {
    await assert.rejects(
      submitWith("echo 'atrium-slurm-helper: refused: the account is ...' >&2; exit 64"),
      isRefusal('refused: the account is ...'),
    )
    await assert.rejects(
      submitWith("echo 'atrium-slurm-helper: /etc/x is writable' >&2; exit 78"),
      isUnavailable(/x is writable/),
    )
    await assert.rejects(
      submitWith("echo 'sudo: a password is required' >&2; exit 1"),
      isUnavailable(/password is required/),
    )
    const absent = createOwnerCommands({ argv: [join(folder, 'absent')], timeoutMs: 1000 })
    await assert.rejects(absent.submit(submission, options), isUnavailable(/cannot be started/))
  })

  test('is not waited for for ever', async () => {
    await assert.rejects(submitWith('exec sleep 600', 50), isUnavailable(/did not answer in time/))
    const controller = new AbortController()
    const waiting = commandsOf('exec sleep 600').submit(submission, { signal: controller.signal })
    controller.abort(new Error('no more'))
    await assert.rejects(waiting, /no more/)
  })

  test('to cancel what has gone is no error', async () => {
    const cancel = (script: string) =>
      commandsOf(`cat > /dev/null\n${script}`).cancel(owner, ['4', '5'], { ...options, how: 'end' })
    const gone = 'echo "scancel: error: Kill job error on job id 4: Invalid job id specified" >&2'
    await cancel(`${gone}; exit 1`)
    const denied = 'echo "scancel: error: Kill job error on job id 5: Access/permission denied" >&2'
    await assert.rejects(
      cancel(`${gone}; ${denied}; exit 1`),
      isRefusal('Kill job error on job id 5: Access/permission denied'),
    )
    await assert.rejects(cancel('exit 1'), isRefusal('scancel ended with 1'))
  })
})
