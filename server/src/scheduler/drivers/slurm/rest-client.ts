import type { Clock } from '#platform/clock.ts'
import { parseRestAccounting } from './rest-accounting.ts'
import { checkAnswer, readJobId, readRelease } from './rest-answer.ts'
import { cancelByRest } from './rest-cancel.ts'
import { RestFailure } from './rest-failure.ts'
import { createRestSession, type RestSession, type RestSessionOptions } from './rest-session.ts'
import { buildRestSubmission } from './rest-submission.ts'
import { isModern, type RestVersion } from './rest-version.ts'
import type { SlurmClient, SlurmJob } from './slurm-client.ts'
import { parseJobs, parseNodes, readList, readText } from './slurm-parse.ts'

export interface RestClientOptions extends RestSessionOptions {
  /** slurmdbd tells owners by name. Undefined for a name that this machine does not know. */
  findUid: (login: string) => Promise<number | undefined>
  clock: Clock
}

/** Refs in one question to slurmdbd: they stand in the URL. */
const mostRefs = 200

/** Talks to Slurm by slurmrestd, with a token of each user's. */
export function createRestClient({ findUid, clock, ...options }: RestClientOptions): SlurmClient {
  const session = createRestSession(options)
  return {
    async version({ signal }) {
      return readRelease(await session.ask('slurm', 'ping', { signal })) ?? 'unknown'
    },
    async submit(submission, { signal }) {
      const body = buildRestSubmission(submission, await session.version(signal))
      const { login } = submission.owner
      const question = { method: 'POST', login, body, signal, isChange: true } as const
      const answer = await session.send('slurm', 'job/submit', question)
      // A job that was taken can come with errors that are warnings.
      const id = readJobId(answer.json)
      if (id !== undefined) return id
      checkAnswer(answer, session.hint)
      throw new RestFailure('it did not tell the id of the job it submitted', { mayHaveArrived: true })
    },
    async listJobs({ signal }) {
      const answer = await session.ask('slurm', await listPath(session, 'jobs', signal), { signal })
      refuseCutTasks(answer)
      return parseJobs(answer, clock.now())
    },
    async listEnded(refs, { signal }) {
      return await addUids(await listEnded(session, refs, signal), findUid)
    },
    cancel: ({ login }, refs, { how, signal }) => cancelByRest(session, refs, { how, login, signal }),
    async listNodes({ signal }) {
      return parseNodes(await session.ask('slurm', await listPath(session, 'nodes', signal), { signal }))
    },
    async limits() {
      const why = "Slurm's REST service does not tell what is enforced"
      return { cpu: false, memory: false, why, wholeCores: true }
    },
  }
}

/** Lists have a slash at their end in later versions. */
async function listPath(session: RestSession, name: string, signal: AbortSignal): Promise<string> {
  return isModern(await session.version(signal)) ? `${name}/` : name
}

async function listEnded(
  session: RestSession,
  refs: readonly string[],
  signal: AbortSignal,
): Promise<readonly SlurmJob[]> {
  const version = await session.version(signal)
  if (!version.hasAccounting) {
    const why = 'it has no interface to slurmdbd'
    throw new RestFailure(why, { mayHaveArrived: false, isForThisOnly: true })
  }
  const path = await listPath(session, 'jobs', signal)
  const found: SlurmJob[] = []
  for (let start = 0; start < refs.length; start += mostRefs) {
    const query = buildAccountingQuery(version, refs.slice(start, start + mostRefs))
    found.push(...parseRestAccounting(await session.ask('slurmdb', `${path}?${query}`, { signal })))
  }
  return found
}

/** A list of jobs is one value up to 0.0.38, and a value for each later on. */
function buildAccountingQuery(version: RestVersion, refs: readonly string[]): string {
  const steps = isModern(version) ? refs : [refs.join(',')]
  return new URLSearchParams([['skip_steps', 'true'], ...steps.map((step) => ['step', step])]).toString()
}

/** slurmrestd shortens long lists of tasks unless it is told otherwise: what is missing of ours would seem to have ended. */
function refuseCutTasks(json: unknown): void {
  const isCut = readList(json, 'jobs').some(
    (job) =>
      readText(job['comment']).startsWith('atrium ') && readText(job['array_task_string']).includes('...'),
  )
  if (!isCut) return
  const why = 'it shortens lists of array tasks: set SLURM_BITSTR_LEN=0 in its environment'
  throw new RestFailure(why, { mayHaveArrived: false, isForThisOnly: true })
}

async function addUids(
  jobs: readonly SlurmJob[],
  findUid: RestClientOptions['findUid'],
): Promise<readonly SlurmJob[]> {
  const uids = new Map<string, number>()
  for (const { login } of jobs) if (!uids.has(login)) uids.set(login, (await findUid(login)) ?? -1)
  return jobs.map((job) => ({ ...job, uid: uids.get(job.login) ?? -1 }))
}
