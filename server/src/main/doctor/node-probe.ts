import { randomBytes } from 'node:crypto'
import { open, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type {
  SlurmClient,
  SlurmJob,
  SlurmOwner,
  SlurmSubmission,
} from '#scheduler/drivers/slurm/slurm-client.ts'

import { type NodeAnswer, parseNodeAnswer } from './node-answer.ts'

/** How the platform's jobs are started on nodes, for one that only looks around. */
export interface ProbeSite {
  client: SlurmClient
  owner: SlurmOwner
  /** As jobs get them: see `launcher-command.ts`. */
  python: string
  nodePackage: string
  hubUrl: string
  hubUid: number
  hubCertificates?: string
  mungeSocket?: string
  /** That servers may listen on. Absent: the launcher's choice. */
  ports?: { first: number; last: number }
  shared: { root: string; logs: string; node: string }
  patienceMs: number
}

export type ProbeResult =
  | { outcome: 'refused'; message: string }
  /** Slurm's reason why it did not start in time. */
  | { outcome: 'waiting'; reason: string }
  /** It ended and has left no answer. */
  | { outcome: 'silent'; node?: string; exitCode?: number; state: string }
  | {
      outcome: 'answered'
      key: string
      answer: NodeAnswer
      /** By this machine's clock. */
      startedMs: number
      seenMs: number
      /** Of the answer's file. */
      file: { uid: number; gid: number }
      /** Whether this machine got to the job's port, and by which address. */
      reached: { address: string; error?: string }
    }

const memoryMiB = 100
const pollMs = 250
const queueEveryMs = 2000
const connectMs = 10_000

/** Runs one short job in a partition, as the owner, and answers what it saw. */
export async function probePartition(site: ProbeSite, partition: string): Promise<ProbeResult> {
  const key = `doctor-${randomBytes(10).toString('hex')}`
  const [marker, answerFile] = [join(site.shared.node, key), join(site.shared.logs, key)]
  const signal = AbortSignal.timeout(site.patienceMs + 60_000)
  await writeFile(marker, key, { mode: 0o644 })
  try {
    const startedMs = Date.now()
    let id: number
    try {
      id = await site.client.submit(buildSubmission(site, key, partition), { signal })
    } catch (error) {
      return { outcome: 'refused', message: error instanceof Error ? error.message : String(error) }
    }
    return await follow(site, { key, id, answerFile, startedMs, signal })
  } finally {
    await rm(marker, { force: true })
    await rm(answerFile, { force: true }).catch(() => {})
  }
}

function buildSubmission(site: ProbeSite, key: string, partition: string): SlurmSubmission {
  const { python, nodePackage, hubUrl, hubUid, hubCertificates, mungeSocket, ports } = site
  return {
    owner: site.owner,
    name: 'atrium-doctor',
    // Of no platform: none must take it for a job of its own.
    comment: `atrium doctor ${key}`,
    command: [
      ...[python, '-I', '-S', nodePackage, 'slurm_probe', '--url', hubUrl, '--hub-uid', String(hubUid)],
      ...(hubCertificates === undefined ? [] : ['--ca', hubCertificates]),
      ...(mungeSocket === undefined ? [] : ['--munge-socket', mungeSocket]),
      ...(ports === undefined ? [] : ['--ports', `${ports.first}-${ports.last}`]),
      ...['--shared', site.shared.root, key],
    ],
    ...{ arraySize: 1, tasks: 1, exclusive: false, memoryMiB, timeLimit: 2, partition },
  }
}

interface ProbeRun {
  key: string
  id: number
  answerFile: string
  startedMs: number
  signal: AbortSignal
}

async function follow(
  site: ProbeSite,
  { key, id, answerFile, startedMs, signal }: ProbeRun,
): Promise<ProbeResult> {
  const deadline = startedMs + site.patienceMs
  let job: SlurmJob | undefined
  let lookAtMs = 0
  let isLast = false
  while (true) {
    const read = await readAnswer(answerFile)
    if (read !== undefined) {
      const { answer, file } = read
      const seenMs = Date.now()
      const address = answer.hub.address ?? job?.node ?? answer.node
      const reached = await reach(address, answer.port, key)
      return { outcome: 'answered', key, answer, startedMs, seenMs, file, reached }
    }
    if (isLast) return { outcome: 'silent', state: job?.states[0] ?? 'gone', ...pick(job) }
    if (Date.now() >= lookAtMs) {
      const jobs = await site.client.listJobs({ signal })
      job = jobs.find(({ ref }) => ref === String(id)) ?? job
      lookAtMs = Date.now() + queueEveryMs
      // Once more after its end: a shared folder shows a file a little later.
      isLast =
        job !== undefined && !['PENDING', 'RUNNING', 'CONFIGURING', 'COMPLETING'].includes(job.states[0])
    }
    if (Date.now() > deadline) {
      await site.client.cancel(site.owner, [String(id)], { how: 'end', signal })
      return {
        outcome: 'waiting',
        reason: job?.states[0] === 'PENDING' ? job.reason : (job?.states[0] ?? 'unknown'),
      }
    }
    await sleep(isLast ? queueEveryMs : pollMs, undefined, { signal })
  }
}

function pick(job: SlurmJob | undefined): { node?: string; exitCode?: number } {
  return {
    ...(job?.node === undefined ? {} : { node: job.node }),
    ...(job?.exitCode === undefined ? {} : { exitCode: job.exitCode }),
  }
}

/** Undefined while there is none, or only a part of it. */
async function readAnswer(
  path: string,
): Promise<{ answer: NodeAnswer; file: { uid: number; gid: number } } | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const { uid, gid } = await file.stat()
    const answer = parseNodeAnswer(await file.readFile('utf8'))
    return answer === undefined ? undefined : { answer, file: { uid, gid } }
  } finally {
    await file.close()
  }
}

/** Connects to the job's port, which says its key. */
function reach(address: string, port: number, key: string): Promise<{ address: string; error?: string }> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ host: address, port, timeout: connectMs })
    const end = (error?: string) => {
      socket.destroy()
      resolve({ address, ...(error === undefined ? {} : { error }) })
    }
    socket.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(0, key.length + 1)
    })
    socket.once('timeout', () => end('no answer within 10 s'))
    socket.once('error', (error) => end(error.message))
    socket.once('close', () => end(text === `${key}\n` ? undefined : 'somebody else answered'))
  })
}
