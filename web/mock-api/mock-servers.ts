import type { HubServer } from '@atrium/contract/hub-models.ts'
import type { Profile, ServerDetails, ServerState } from '@atrium/contract/servers.ts'

import type { MockServer, MockUser } from './mock-state.ts'

const minuteMs = 60_000
const gibibyte = 1024 ** 3
const stoppingMs = 400

export const profiles: readonly Profile[] = [
  {
    name: 'small',
    title: 'Small',
    description: 'For notes, lessons and light analysis.',
    cpu: 2,
    memoryBytes: 4 * gibibyte,
    idleTimeoutMs: 60 * minuteMs,
    isDefault: true,
  },
  {
    name: 'large',
    title: 'Large',
    description: 'For data that needs memory. May wait in line.',
    cpu: 8,
    memoryBytes: 32 * gibibyte,
    timeLimitMs: 12 * 60 * minuteMs,
    idleTimeoutMs: 60 * minuteMs,
    isDefault: false,
  },
  {
    name: 'gpu',
    title: 'GPU',
    description: 'One accelerator for training.',
    cpu: 8,
    memoryBytes: 32 * gibibyte,
    gpu: 1,
    timeLimitMs: 8 * 60 * minuteMs,
    idleTimeoutMs: 30 * minuteMs,
    isDefault: false,
  },
  {
    name: 'broken',
    title: 'Broken',
    description: 'Always fails, to see what a failure looks like.',
    isDefault: false,
  },
]

/** Bob's jobs are charged to accounts, and one profile is not for him. */
export function listProfiles(query: URLSearchParams): readonly Profile[] {
  if (query.get('user') !== 'bob') return profiles
  const withheld: Profile = {
    name: 'cluster',
    title: 'Whole nodes',
    description: '',
    isDefault: false,
    withheld: 'No account of the user is for the partition big.',
  }
  const charged = profiles.map((profile) =>
    profile.gpu || profile.name === 'large' ? { ...profile, preemptible: true, accounts } : profile,
  )
  return query.get('withheld') === 'true' ? [...charged, withheld] : charged
}

const accounts = [
  { name: 'physics', isDefault: true, limits: {} },
  { name: 'biology', isDefault: false, limits: { timeLimitMs: 8 * 60 * minuteMs, jobs: 2, gpu: 1 } },
]

/** Where a server's script is at this time. */
export function stateOf(server: MockServer, nowMs: number): ServerState {
  const { askedAtMs, stopAskedAtMs, queuedMs, startingMs, fails } = server
  if (stopAskedAtMs !== undefined) return nowMs - stopAskedAtMs < stoppingMs ? 'stopping' : 'stopped'
  if (askedAtMs === undefined) return 'stopped'
  const elapsedMs = nowMs - askedAtMs
  if (elapsedMs < queuedMs) return 'queued'
  if (elapsedMs < queuedMs + startingMs) return 'starting'
  return fails ? 'failed' : 'running'
}

/** The script of a start with this profile. */
export function startScript(profile: string, nowMs: number): Omit<MockServer, 'name'> {
  return {
    profile,
    askedAtMs: nowMs,
    queuedMs: profile === 'large' ? 1500 : 0,
    startingMs: 1200,
    fails: profile === 'broken',
  }
}

/** What the start has printed by now. */
export function listLogLines(server: MockServer, nowMs: number): string[] {
  const sinceMs = nowMs - (server.askedAtMs ?? nowMs) - server.queuedMs
  const lines = [
    [50, '[I 10:14:02.101 ServerApp] Extension package jupyterlab took 0.1021s to import'],
    [250, '[I 10:14:02.322 ServerApp] jupyterlab | extension was successfully linked.'],
    [450, '[I 10:14:02.518 LabApp] JupyterLab application directory is share/jupyter/lab'],
    ...(server.fails
      ? ([
          [700, '[E 10:14:02.700 ServerApp] Cannot read jupyter_server_config.py'],
          [750, "ModuleNotFoundError: No module named 'site_extensions'"],
        ] as const)
      : ([[900, '[I 10:14:02.907 ServerApp] Jupyter Server 2.17.0 is running at: /user/…/']] as const)),
  ] as const
  return lines.flatMap(([atMs, line]) => (sinceMs >= atMs ? [line] : []))
}

/** A server with all that is known of it. */
export function describeServer(user: MockUser, server: MockServer, nowMs: number): ServerDetails {
  const state = stateOf(server, nowMs)
  const profile = profiles.find((each) => each.name === server.profile)
  const readyAtMs = (server.askedAtMs ?? nowMs) + server.queuedMs + server.startingMs
  const { name, displayName, endsAtMs } = server
  const limits = profile && { cpu: profile.cpu, memoryBytes: profile.memoryBytes, gpu: profile.gpu }
  const details: ServerDetails = {
    user: user.name,
    name,
    state,
    url: serverUrl(user.name, name),
    progressUrl: '',
    ...(displayName && { displayName }),
    ...(server.profile && { profile: server.profile }),
    ...(server.account && { account: server.account }),
    ...(state === 'queued' && {
      place: 1,
      estimatedStartAtMs: nowMs + 25 * minuteMs,
      reason: 'quota_group_gpu',
      message: 'Group astro uses 2 of 2 GPUs. It starts when one is free.',
    }),
    ...(state === 'failed' && {
      reason: 'exit_status',
      message: 'It exited before it answered.',
      exitCode: 1,
      logTail: listLogLines(server, nowMs).join('\n'),
    }),
    ...(state === 'running' && {
      node: 'node-1',
      readyAtMs,
      lastActivityAtMs: nowMs - 3 * minuteMs,
      usage: { memoryBytes: 1.3 * gibibyte, cpuSeconds: 912 },
      idle: {
        inUse: true,
        reasons: [{ text: 'It was started.', atMs: readyAtMs }],
        warned: false,
        ...(profile?.idleTimeoutMs && { timeoutMs: profile.idleTimeoutMs }),
        ...server.idle,
      },
      ...(endsAtMs && { endsAtMs, endsSoon: endsAtMs - nowMs < 10 * minuteMs }),
    }),
    ...(state !== 'stopped' && server.restarts && { restarts: server.restarts }),
    ...(limits && { limits: JSON.parse(JSON.stringify(limits)) as NonNullable<ServerDetails['limits']> }),
  }
  return details
}

/** The same as JupyterHub's clients see it. */
export function describeHubServer(user: MockUser, server: MockServer, nowMs: number): HubServer {
  const state = stateOf(server, nowMs)
  const isStarting = state === 'queued' || state === 'starting'
  return {
    name: server.name,
    last_activity: new Date(nowMs - 3 * minuteMs).toISOString(),
    started: server.askedAtMs ? new Date(server.askedAtMs).toISOString() : null,
    pending: isStarting ? 'spawn' : state === 'stopping' ? 'stop' : null,
    ready: state === 'running',
    stopped: state === 'stopped' || state === 'failed',
    url: serverUrl(user.name, server.name),
    progress_url: '',
  }
}

function serverUrl(user: string, name: string): string {
  return name ? `/user/${user}/${name}/` : `/user/${user}/`
}
