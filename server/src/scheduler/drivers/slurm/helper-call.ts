import { spawn } from 'node:child_process'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { OwnerCommands } from './command-client.ts'
import { explainSlurmText } from './run-slurm-command.ts'
import { SlurmRefusal } from './slurm-client.ts'

interface HelperConfig {
  /** How the helper is called: `['sudo', '-n', '/usr/local/libexec/atrium-slurm-helper']`; without sudo where all jobs are our own user's. */
  argv: readonly string[]
  timeoutMs: number
}

interface HelperAnswer {
  /** Undefined when it was ended by a signal. */
  status: number | undefined
  stdout: string
  stderr: string
}

/** Of `deploy/slurm/atrium-slurm-helper`. */
const refusedStatus = 64
const unusableStatus = 78
const mostAnswerCharacters = 65_536
/** What scancel says of jobs that have ended or are forgotten. */
const gone = /Invalid job id specified|Job\/step already completing or completed/i

/** Submits and cancels by the privileged helper, which does it as the jobs' owner. */
export function createOwnerCommands(config: HelperConfig): OwnerCommands {
  return {
    async submit(submission, { signal }) {
      const answer = await callHelper(config, 'submit', submission, signal)
      if (answer.status !== 0) throw explainFailure(config, 'sbatch', answer)
      const [, id] = /^(\d+)(?:;\S*)?$/m.exec(answer.stdout.trim()) ?? []
      if (id === undefined) throw buildTrouble('sbatch did not tell the id of the job it submitted')
      return Number(id)
    },
    async cancel(owner, refs, { how, signal }) {
      if (refs.length === 0) return
      const { login, uid, gid } = owner
      const request = { owner: { login, uid, gid }, refs, how }
      const answer = await callHelper(config, 'cancel', request, signal)
      if (answer.status === 0) return
      const complaints = answer.stderr.split('\n').filter((line) => line.trim() !== '' && !gone.test(line))
      if (answer.status === 1 && answer.stderr.trim() !== '' && complaints.length === 0) return
      throw explainFailure(config, 'scancel', { ...answer, stderr: complaints.join('\n') })
    },
  }
}

/** A child that runs as another user cannot be ended by us: it ends by itself, and is not waited for after `signal` or the timeout. */
function callHelper(
  { argv, timeoutMs }: HelperConfig,
  verb: 'submit' | 'cancel',
  request: object,
  signal: AbortSignal,
): Promise<HelperAnswer> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const child = spawn(program, [...args, verb], {
      cwd: '/',
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const leave = (reason: unknown) => {
      settle()
      child.kill('SIGKILL')
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      child.unref()
      reject(reason)
    }
    const onAbort = () => leave(signal.reason)
    const timer = setTimeout(() => leave(buildTrouble('the helper did not answer in time')), timeoutMs)
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    signal.addEventListener('abort', onAbort)
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] = (output[name] + text).slice(0, mostAnswerCharacters)
      })
    }
    child.once('error', (error) => {
      settle()
      reject(buildTrouble(`${program} cannot be started`, error))
    })
    child.once('close', (status) => {
      settle()
      resolve({ status: status ?? undefined, ...output })
    })
    child.stdin.on('error', () => {})
    child.stdin.end(JSON.stringify(request))
  })
}

function explainFailure(config: HelperConfig, program: string, answer: HelperAnswer): Error {
  const text = answer.stderr.trim()
  if (answer.status === undefined) return buildTrouble(`${program} did not answer in time`)
  if (answer.status === refusedStatus) return new SlurmRefusal(text.replace(/^atrium-slurm-helper: /, ''))
  if (answer.status === unusableStatus) return buildTrouble(text)
  if (/^sudo: /m.test(text)) return buildTrouble(`${config.argv.join(' ')}: ${text}`)
  return explainSlurmText(program, text === '' ? `${program} ended with ${answer.status}` : text)
}

function buildTrouble(why: string, cause?: Error): PlatformError {
  return new PlatformError('scheduler_unavailable', { message: `Slurm cannot be asked: ${why}`, cause })
}
