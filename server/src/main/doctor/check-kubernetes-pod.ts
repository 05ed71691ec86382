import { randomBytes } from 'node:crypto'

import { systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { waitFor } from '#platform/wait-for.ts'
import type { KubeClient } from '#scheduler/drivers/kubernetes/kube-client.ts'
import type { KubernetesSchedulerConfig } from '#scheduler/drivers/kubernetes/kubernetes-config.ts'
import { createKubernetesScheduler } from '#scheduler/drivers/kubernetes/kubernetes-scheduler.ts'
import type { JobEndpoint, JobHandle, JobSpec, Observation } from '#scheduler/job.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'

import { buildDoctorSpec } from './check-kubernetes-profiles.ts'
import { type Finding, ok, problem, warn } from './finding.ts'

/** What one pod sees, said in a line; it listens meanwhile, so that the way to it is seen as well. Arguments: hub, port, server's program. */
const program = `
import json, os, shutil, socket, sys, time, urllib.request
hub, port, server = sys.argv[1:]
listener = socket.create_server(("", int(port)))
def attempt(do):
    try:
        do()
        return ""
    except Exception as error:
        return str(error) or type(error).__name__
def ask(): urllib.request.urlopen(hub, timeout=10).read(1)
found = {"hub": attempt(ask), "server": bool(shutil.which(server)), "time": time.time(), "python": sys.version.split()[0]}
print("seen " + json.dumps(found), flush=True)
time.sleep(600)
`
const port = 'probe'
const clockWarnMs = 5000

interface Seen {
  hub: string
  server: boolean
  time: number
  python: string
}

export interface PodProbeOptions {
  client: KubeClient
  config: KubernetesSchedulerConfig
  hubUrl: string
  /** The program of servers, or its name on the image's PATH. */
  server: string
  patienceMs: number
}

/** Runs one small pod as jobs are run. */
export async function checkKubernetesPod(options: PodProbeOptions): Promise<readonly Finding[]> {
  const { client, patienceMs } = options
  const instance = `doctor-${randomBytes(6).toString('hex')}`
  const config = { ...options.config, instance }
  const scheduler = createKubernetesScheduler(config, { clock: systemClock, log: createSilentLogger() })
  const signal = AbortSignal.timeout(patienceMs + 60_000)
  const handles: JobHandle[] = []
  try {
    const [submission] = await scheduler.submit([buildProbe(options)], { signal })
    if (submission?.outcome !== 'accepted')
      return [problem('pod', submission?.message ?? 'It was not taken', 'See what the message says.')]
    handles.push(submission.handle)
    return judge(options, await follow(scheduler, submission.handle, patienceMs, signal))
  } finally {
    await scheduler.forget(handles, { signal }).catch(() => {})
    await scheduler.close()
    await removePolicies(client, config, signal).catch(() => {})
  }
}

function buildProbe({ config, hubUrl, server }: PodProbeOptions): JobSpec {
  return buildDoctorSpec({
    command: [config.python, '-I', '-S', '-c', program, `${hubUrl}/hub/api`, `{port:${port}}`, server],
    environment: { PATH: '{image:PATH}' },
    ports: [port],
    resources: { cpu: 0.1, memoryBytes: 128 * 2 ** 20 },
  })
}

interface Followed {
  seen?: Seen
  endpoint?: JobEndpoint
  last: Observation | undefined
  output: string
  atMs: number
}

/** Until it has said what it saw and answers itself, or has ended, or patience has. */
async function follow(
  scheduler: Scheduler,
  handle: JobHandle,
  patienceMs: number,
  signal: AbortSignal,
): Promise<Followed> {
  let result: Followed = { last: undefined, output: '', atMs: 0 }
  const look = async () => {
    const last = (await scheduler.observe([handle], { signal })).get(handle.key)
    const output = last?.state === 'pending' ? '' : await readOutput(scheduler, handle, signal)
    const line = /^seen (.*)$/m.exec(output)?.[1]
    const seen = line === undefined ? undefined : (JSON.parse(line) as Seen)
    const endpoint = last?.state === 'running' ? last.endpoint : undefined
    const atMs = result.seen === undefined ? Date.now() : result.atMs
    result = {
      last,
      output,
      atMs,
      ...(seen === undefined ? {} : { seen }),
      ...(endpoint === undefined ? {} : { endpoint }),
    }
    return last?.state === 'ended' || (seen !== undefined && endpoint !== undefined)
  }
  await waitFor('the pod', look, { deadlineMs: patienceMs, everyMs: 500 }).catch(() => {})
  return result
}

async function readOutput(scheduler: Scheduler, handle: JobHandle, signal: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of scheduler.logs(handle, { tailBytes: 4000, signal })) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}

function judge(
  { hubUrl, server, config }: PodProbeOptions,
  { seen, endpoint, last, output, atMs }: Followed,
): readonly Finding[] {
  if (seen === undefined) return [judgeSilence(last, output)]
  const image = config.image ?? 'the image'
  const offMs = Math.round(atMs - seen.time * 1000)
  return [
    ok('pod', `started in ${image}, Python ${seen.python}`),
    seen.hub === ''
      ? ok('pod to platform', `${hubUrl} answers`)
      : problem(
          'pod to platform',
          `A pod does not reach ${hubUrl}: ${seen.hub}`,
          'Set scheduler.kubernetes.hubUrl to an address that pods reach, edge.host to the same or 0.0.0.0, and let pods through to it.',
        ),
    endpoint === undefined
      ? problem(
          'platform to pod',
          'This machine does not reach the ports of pods',
          'Run the platform in the cluster (the chart), or where pods have routes.',
        )
      : ok('platform to pod', `${endpoint.host} answers`),
    seen.server
      ? ok('server', `${server} is there`)
      : warn(
          'server',
          `${server} was not found in ${image}`,
          'Name an image that has it, or an environment: environment.prefix on storage.environments.',
        ),
    Math.abs(offMs) > clockWarnMs
      ? warn(
          'clock',
          `The clock of a node is ${offMs} ms off`,
          'Let all machines keep time by the same servers.',
        )
      : ok('clock', 'a node has the time of this machine'),
  ]
}

function judgeSilence(last: Observation | undefined, output: string): Finding {
  const mend = 'See what the message says; kubectl describe pod tells more.'
  switch (last?.state) {
    case 'ended':
      return problem('pod', `It ended: ${last.exit.message} ${output}`.trim(), mend)
    case 'pending':
    case 'starting':
      return warn(
        'pod',
        `It did not start in time: ${last.reason ?? `it is ${last.state}`}`,
        'Try again with a larger --wait.',
      )
    default:
      return problem('pod', 'It said nothing', mend)
  }
}

/** Those that its driver made for it. */
async function removePolicies(
  client: KubeClient,
  { namespace, instance, networkPolicy }: KubernetesSchedulerConfig,
  signal: AbortSignal,
): Promise<void> {
  if (networkPolicy === undefined) return
  const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`
  const labelSelector = `atrium.dev/instance=${instance}`
  const { items } = await client.call<{ items: { metadata: { name: string } }[] }>('GET', path, {
    query: { labelSelector },
    signal,
  })
  for (const { metadata } of items) await client.call('DELETE', `${path}/${metadata.name}`, { signal })
}
