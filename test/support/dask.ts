import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

import type { ClusterDetail, ClusterList } from '@atrium/contract/clusters-api.ts'
import type { JobList } from '@atrium/contract/jobs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { Platform } from './platform.ts'
import { ensureTestEnvironment } from './python-environment.ts'

/** The machine may be busy with other tests. */
export const patient = { deadlineMs: 60_000, everyMs: 100 }

/** Runs Python statement by statement in one process, so that a test can do things in between. */
export interface PythonSession {
  /** What the code printed. Rejects with the traceback of what it raised. */
  run(code: string): Promise<string>
  close(): void
}

const loop = `
import contextlib, io, json, sys, traceback
scope = {}
for line in sys.stdin:
    out, error = io.StringIO(), None
    try:
        with contextlib.redirect_stdout(out):
            exec(json.loads(line), scope)
    except BaseException as raised:
        error = "".join(traceback.format_exception(raised))
    print(json.dumps({"out": out.getvalue(), "error": error}), flush=True)
`

/** An interpreter of the tests' environment, which is the clusters', too. */
export async function startPython(environment: NodeJS.ProcessEnv = {}): Promise<PythonSession> {
  const python = `${await ensureTestEnvironment()}/bin/python`
  const child: ChildProcess = spawn(python, ['-W', 'ignore', '-c', loop], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting: PromiseWithResolvers<string>[] = []
  if (child.stdout === null) throw new Error('the session has no output')
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { out, error } = JSON.parse(line) as { out: string; error: string | null }
    const answer = waiting.shift()
    if (error === null) answer?.resolve(out)
    else answer?.reject(new Error(error))
  })
  child.once('exit', () => {
    for (const answer of waiting) answer.reject(new Error('the session ended'))
  })
  return {
    run(code) {
      const answer = Promise.withResolvers<string>()
      waiting.push(answer)
      child.stdin?.write(`${JSON.stringify(code)}\n`)
      return answer.promise
    },
    close: () => child.kill('SIGKILL'),
  }
}

/** A user who computes from a laptop: with a token, and the unmodified client configured by dask's own variables. */
export interface DaskUser extends PythonSession {
  name: string
  token: string
}

/** Makes the user and starts a session in which `gateway` is there. */
export async function startDaskUser(platform: Platform, name: string): Promise<DaskUser> {
  await platform.api('POST', `/hub/api/users/${name}`)
  const { body } = await platform.api<{ token: string }>('POST', `/hub/api/users/${name}/tokens`, {
    body: {},
  })
  const session = await startPython({
    DASK_GATEWAY__ADDRESS: `${platform.url}/gateway`,
    DASK_GATEWAY__AUTH__TYPE: 'jupyterhub',
    JUPYTERHUB_API_TOKEN: body.token,
  })
  await session.run('import os, signal, time\nfrom dask_gateway import Gateway\ngateway = Gateway()')
  return { ...session, name, token: body.token }
}

/** Starts a cluster in the session, as `cluster`, with a client, as `client`, and this many workers. Answers its name. */
export async function openCluster(user: DaskUser, workers: number, options = ''): Promise<string> {
  return user.run(`
cluster = gateway.new_cluster(${options})
client = cluster.get_client()
cluster.scale(${workers})
${workers === 0 ? '' : `client.wait_for_workers(${workers}, timeout=120)`}
print(cluster.name, end="")`)
}

export async function findCluster(platform: Platform, name: string): Promise<ClusterDetail> {
  return (await platform.api<ClusterDetail>('GET', `/api/v1/clusters/${name}`)).body
}

export async function listClusters(platform: Platform, query = ''): Promise<ClusterList['clusters']> {
  return (await platform.api<ClusterList>('GET', `/api/v1/clusters${query}`)).body.clusters
}

/** The cluster once this holds for it. */
export function untilCluster(
  platform: Platform,
  name: string,
  what: string,
  holds: (cluster: ClusterDetail) => boolean,
): Promise<ClusterDetail> {
  return waitFor(
    `the cluster to be ${what}`,
    async () => {
      const cluster = await findCluster(platform, name)
      return holds(cluster) ? cluster : undefined
    },
    patient,
  )
}

/** Resolves when no job of this user's clusters is left, or of anybody's. */
export async function untilNoJobs(platform: Platform, user?: string): Promise<void> {
  await waitFor(
    `the end of the clusters of ${user ?? 'everybody'}`,
    async () => {
      const { body } = await platform.api<JobList>(
        'GET',
        `/api/v1/jobs?state=active${user === undefined ? '' : `&user=${user}`}`,
      )
      return body.jobs.every(({ kind }) => !kind.startsWith('dask-'))
    },
    patient,
  )
}
