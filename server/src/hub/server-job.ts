import type { JobOwner, JobResources, WarmEntry } from '#scheduler/job.ts'
import { findProfileEnvironment } from '#scheduler/job-environment.ts'
import type { JobRequest } from '#scheduler/job-record.ts'
import { findProgram } from '#scheduler/login-environment.ts'
import { pickPodPlace } from '#scheduler/pod-options.ts'

import type { ServerProfile } from './profiles.ts'
import { buildServerEnvironment, buildServerSecrets, serverPort } from './server-environment.ts'
import { buildServerPath } from './server-paths.ts'

/** How servers are run on this platform, from configuration. */
export interface ServerSettings {
  /** Prefix of the default Python environment. Absent: images bring one. */
  environmentPrefix?: string
  /** Folder with the package `atrium_client`, on every node. */
  clientFolder: string
  /** Where jobs reach the hub, without a path: the edge, which outlives control planes. */
  hubUrl: string
  /** Where browsers reach the platform, if an administrator said so. */
  publicUrl?: string
  /** Address servers listen on: loopback where jobs run on this machine. */
  bindHost: string
  defaultUrl: string
  /** argv of the server. Absent: `jupyterhub-singleuser` of the environment. */
  command?: readonly [string, ...string[]]
  /** Variables for every server: how tools in it find what else the platform has. */
  tools: Readonly<Record<string, string>>
  /** The administrator's own, which win. */
  environment: Readonly<Record<string, string>>
  /** Named servers a user may have; 0: none. */
  namedServers: number
  startTimeoutMs: number
  stopGraceMs: number
  /** Before its time is over the owner is told. */
  timeWarningMs: number
  warmStart: boolean
}

/** One start of one server. */
export interface ServerStart {
  serverId: number
  userId: number
  user: string
  /** Empty for the default server. */
  server: string
  profile: ServerProfile
  owner: JobOwner
  shell: string
  token: string
}

/** What the scheduler knows a server's jobs by. */
export function buildServerSubject(serverId: number): string {
  return `server:${serverId}`
}

/** The server a job is of; undefined for other kinds of jobs. */
export function parseServerSubject(subject: string): number | undefined {
  const match = /^server:(\d+)$/.exec(subject)
  return match === null ? undefined : Number(match[1])
}

/** The job of one start of a notebook server. */
export function buildServerJob(settings: ServerSettings, start: ServerStart): JobRequest {
  const { profile, owner } = start
  const { prefix } = findProfileEnvironment(profile, settings.environmentPrefix)
  const resources = buildResources(profile)
  const { publicUrl } = settings
  return {
    kind: 'server',
    userId: start.userId,
    subject: buildServerSubject(start.serverId),
    spec: {
      owner,
      command: settings.command ?? [findProgram(prefix, 'jupyterhub-singleuser')],
      environment: buildServerEnvironment({
        user: start.user,
        server: start.server,
        prefix,
        home: owner.home,
        login: owner.login,
        shell: start.shell,
        resources,
        hubUrl: settings.hubUrl,
        clientFolder: settings.clientFolder,
        ...(publicUrl === undefined ? {} : { publicUrl }),
        defaultUrl: settings.defaultUrl,
        bindHost: settings.bindHost,
        tools: settings.tools,
        extra: settings.environment,
      }),
      workingDirectory: owner.home,
      resources,
      tasks: profile.tasks ?? 1,
      ports: [serverPort],
      ...buildQueueing(profile),
      ...pickPodPlace(profile),
      ...(profile.timeLimitMs === undefined ? {} : { timeLimitMs: profile.timeLimitMs }),
      ...buildWarmEntry(settings, prefix),
      labels: { server: String(start.serverId) },
    },
    secrets: buildServerSecrets(start.token),
    policy: {
      ready: { port: serverPort, path: `${buildServerPath(start.user, start.server)}api` },
      readyTimeoutMs: settings.startTimeoutMs,
      graceMs: settings.stopGraceMs,
      timeWarningMs: settings.timeWarningMs,
      ...(profile.preemptible ? { requeue: true } : {}),
    },
  }
}

function buildQueueing({ queue, nodes, preemptible }: ServerProfile): Partial<JobRequest['spec']> {
  return {
    ...(queue === undefined ? {} : { queue }),
    ...(nodes === undefined ? {} : { nodes }),
    ...(preemptible ? { preemptible } : {}),
  }
}

function buildResources({ cpu, memoryBytes, gpu, exclusive }: ServerProfile): JobResources {
  return {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(gpu === undefined ? {} : { gpu }),
    ...(exclusive ? { exclusive } : {}),
  }
}

/** Only the standard command has a preloaded twin: what its console script would call. */
function buildWarmEntry(
  { warmStart, command }: ServerSettings,
  prefix: string | undefined,
): { warm?: WarmEntry } {
  if (!warmStart || command !== undefined || prefix === undefined) return {}
  return { warm: { prefix, entry: 'jupyterhub.singleuser:main' } }
}
