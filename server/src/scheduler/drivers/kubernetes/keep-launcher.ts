import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import { applyObject } from './apply-object.ts'
import type { KubeClient } from './kube-client.ts'
import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'
import { type Launcher, readLauncher } from './launcher-source.ts'
import { labels } from './pod-names.ts'

/** How long what was made is trusted to be still there. */
const trustMs = 60_000
const callMs = 10_000

/** The program that every pod starts with, in the namespace of the pods, under a name that says which version it is. */
export interface KeptLauncher extends Launcher {
  /** It is there when this resolves: made by one call for all who ask within a while. */
  ensure(signal: AbortSignal): Promise<void>
  /** Somebody has deleted it: pods wait for it. */
  renew(): void
}

export function keepLauncher(options: {
  client: KubeClient
  /** `/api/v1/namespaces/NAME` */
  path: string
  files: KubernetesSchedulerConfig['files']
  clock: Clock
  log: Logger
}): KeptLauncher {
  const { client, path, clock, log } = options
  const launcher = readLauncher(options.files)
  const { name, files } = launcher
  let made: Promise<void> | undefined
  let madeAtMs = 0
  const make = async () => {
    const metadata = { name, labels: { [labels.managedBy]: 'atrium' } }
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: files, immutable: true }
    await applyObject(client, `${path}/configmaps/${name}`, body, AbortSignal.timeout(callMs))
  }
  const ensure = async (): Promise<void> => {
    if (made === undefined || clock.monotonic() - madeAtMs > trustMs) {
      madeAtMs = clock.monotonic()
      made = make().catch((error: unknown) => {
        made = undefined
        throw error
      })
    }
    await made
  }
  return {
    ...launcher,
    async ensure(signal) {
      signal.throwIfAborted()
      await ensure()
    },
    renew() {
      made = undefined
      ensure().catch((error: unknown) => log.warn({ err: error }, 'the launcher of pods could not be made'))
    },
  }
}
