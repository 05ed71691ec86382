import { createHash } from 'node:crypto'

import type { JobKey } from '#scheduler/job.ts'

/** What the driver's objects are found by. Values of labels: 63 characters of letters, digits, `-`, `_` and `.`. */
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  instance: 'atrium.dev/instance',
  /** Two platforms that were given the same instance by mistake do not end each other's jobs. */
  platform: 'atrium.dev/platform',
  job: 'atrium.dev/job',
  kind: 'atrium.dev/kind',
  owner: 'atrium.dev/owner',
  /** Of pods that lend themselves to a job: its key. */
  peerOf: 'atrium.dev/peer-of',
  /** `claim`: it has its owner's claim, or is it. */
  home: 'atrium.dev/home',
  /** Of a seat kept warm: the pool's name. */
  seat: 'atrium.dev/seat',
  /** Of a pod that pulls images ahead: a digest of the node's name. */
  pull: 'atrium.dev/pull',
} as const

/** What the driver tells a job's first process while it runs: see `pod_job.py`. */
export const annotations = {
  /** Milliseconds of grace; empty: it goes on. */
  end: 'atrium.dev/end',
  /** Why we gave it up, for its owner. */
  failure: 'atrium.dev/failure',
  /** The job's ports by name, JSON. */
  ports: 'atrium.dev/ports',
  /** The pool that the job asked for by name. */
  pool: 'atrium.dev/pool',
  /** A digest of what a pod of the platform itself is to be. */
  shape: 'atrium.dev/shape',
  /** The pods that lend themselves to the job, JSON: see `gang-pods.ts`. */
  gang: 'atrium.dev/gang',
  /** When a job of several pods began, in milliseconds. */
  launched: 'atrium.dev/launched',
  /** How a job of several pods ends that has lost one, JSON. */
  lost: 'atrium.dev/lost',
} as const

export const fieldManager = 'atrium'

/** Name of a job's pod and of its secret. Keys are names that Kubernetes takes, and unique. */
export function podNameOf(key: JobKey): string {
  return `atrium-${key}`
}

/** Names a platform by its secret, without giving that away. */
export function buildPlatformLabel(doorKey: string): string {
  return createHash('sha256').update(`platform ${doorKey}`).digest('hex').slice(0, 16)
}

const plainOwner = /^[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?$/

/** A label for a user's name, whatever that is: no two names have one in common. Plain names are readable in it. */
export function buildOwnerLabel(name: string): string {
  if (plainOwner.test(name)) return `n-${name}`
  return `h-${createHash('sha256').update(name).digest('hex').slice(0, 60)}`
}
