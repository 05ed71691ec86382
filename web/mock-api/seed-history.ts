import type { AuditEvent } from '@atrium/contract/audit-api.ts'
import type { JobView } from '@atrium/contract/jobs-api.ts'

const minuteMs = 60_000
const gibibyte = 1024 ** 3

/** Jobs of every state, newest first. */
export function buildJobs(nowMs: number): JobView[] {
  return [...listWaitingJobs(nowMs), ...listActiveJobs(nowMs), ...listEndedJobs(nowMs)]
}

const small = { cpu: 2, memoryBytes: 4 * gibibyte }

/** The `index`-th newest job, waiting unless the rest says otherwise. */
function buildJob(nowMs: number, index: number, rest: Partial<JobView>): JobView {
  return {
    key: `srv-${String(index).padStart(4, '0')}-${(index * 7919).toString(36)}`,
    kind: 'server',
    state: 'queued',
    user: 'bob',
    driver: 'local',
    resources: small,
    tasks: 1,
    attempts: 1,
    priority: 0,
    requestedAtMs: nowMs - index * 9 * minuteMs,
    ...rest,
  }
}

function listWaitingJobs(nowMs: number): JobView[] {
  return [
    buildJob(nowMs, 1, {
      user: 'ada',
      server: 'gpu',
      place: 1,
      reason: 'quota_group_gpu',
      message: 'Group astro uses 2 of 2 GPUs. It starts when one is free.',
      estimatedStartAtMs: nowMs + 25 * minuteMs,
      resources: { cpu: 8, memoryBytes: 32 * gibibyte, gpu: 1 },
    }),
    buildJob(nowMs, 2, {
      user: 'carla.berg',
      server: '',
      place: 2,
      reason: 'quota_platform_memory',
      message: 'The platform has no memory left. It starts when another job ends.',
    }),
    buildJob(nowMs, 3, {
      user: 'dario.berg',
      kind: 'dask-worker',
      state: 'pending',
      reason: 'Resources',
      message: 'The scheduler waits for a free node.',
      tasks: 4,
    }),
  ]
}

function listActiveJobs(nowMs: number): JobView[] {
  const active = (index: number, rest: Partial<JobView>) =>
    buildJob(nowMs, index, {
      state: 'running',
      server: '',
      node: 'node-1',
      startedAtMs: nowMs - index * 9 * minuteMs + 1200,
      ...rest,
    })
  return [
    active(4, { user: 'ada', server: 'notes', usage: { memoryBytes: 0.8 * gibibyte, cpuSeconds: 184 } }),
    active(6, { usage: { memoryBytes: 2.9 * gibibyte, cpuSeconds: 5210 } }),
    active(7, { user: 'ada', usage: { memoryBytes: 1.3 * gibibyte, cpuSeconds: 912 } }),
    active(8, { user: 'elif.costa', node: 'node-2', state: 'stopping' }),
    active(9, {
      user: 'finn.dahl',
      node: 'node-2',
      state: 'unknown',
      message: 'The scheduler does not answer.',
    }),
  ]
}

const endings: readonly Partial<JobView>[] = [
  { state: 'cancelled', reason: 'idle', message: 'Stopped after an hour without use.' },
  { state: 'cancelled', reason: 'requested', message: 'Stopped by its owner.' },
  { state: 'failed', reason: 'out_of_memory', message: 'It used more memory than its limit of 4 GB.' },
  {
    state: 'failed',
    reason: 'exit_status',
    exitCode: 1,
    message: 'It exited with status 1 before it answered.',
  },
]

function listEndedJobs(nowMs: number): JobView[] {
  return Array.from({ length: 60 }, (_, index) => {
    const atMs = nowMs - (index + 10) * 9 * minuteMs
    return buildJob(nowMs, index + 10, {
      user: index % 3 ? 'ada' : 'bob',
      server: index % 5 ? '' : 'etl',
      node: 'node-1',
      startedAtMs: atMs,
      endedAtMs: atMs + 20 * minuteMs,
      ...endings[(index * 7) % endings.length],
    })
  })
}

/** A few days of recorded actions, newest first. */
export function buildAudit(nowMs: number): AuditEvent[] {
  const kinds: [string, string, AuditEvent['outcome'], Record<string, unknown>][] = [
    ['session.start', 'user:ada', 'ok', { by: 'password' }],
    ['server.start', 'server:ada/notes', 'ok', { profile: 'small' }],
    ['user.create', 'user:frida', 'ok', {}],
    ['session.start', 'user:bob', 'refused', { reason: 'wrong_password' }],
    ['token.create', 'token:a2', 'ok', { note: 'VS Code on the laptop' }],
    ['group.update', 'group:astro', 'ok', { users: ['bob'] }],
    ['role.give', 'role:gpu-users', 'ok', { to: 'group:astro' }],
    ['server.stop', 'server:bob/', 'ok', { reason: 'idle' }],
    ['user.delete', 'user:ada', 'refused', { reason: 'forbidden' }],
  ]
  return Array.from({ length: 140 }, (_, index) => {
    const [action, target, outcome, detail] = kinds[index % kinds.length] ?? ['server.start', '', 'ok', {}]
    const actor = ['user:ada', 'user:ada', 'user:bob', 'service:culler', 'system'][index % 5] ?? 'system'
    return {
      id: 5000 - index,
      atMs: nowMs - index * 31 * minuteMs,
      actor,
      action,
      target,
      outcome,
      detail,
      ...(actor.startsWith('user:') && { remote: '10.1.4.22' }),
    }
  })
}
