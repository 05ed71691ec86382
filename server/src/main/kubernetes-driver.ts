import { PlatformError } from '@atrium/contract/errors.ts'
import { isLoopbackUrl } from '#config/loopback.ts'
import { isWithin } from '#config/path-checks.ts'
import type { Config } from '#config/schema.ts'
import { parseByteSize } from '#config/units.ts'
import { createUnixAccounts } from '#identity/unix-accounts.ts'
import type { KubernetesSchedulerConfig } from '#scheduler/drivers/kubernetes/kubernetes-config.ts'
import { createKubernetesScheduler } from '#scheduler/drivers/kubernetes/kubernetes-scheduler.ts'
import { filesFolder } from '#scheduler/drivers/kubernetes/pod-places.ts'

import { ensureKey } from './data-folder.ts'
import { createClaimStorage } from './home-spaces.ts'
import type { JobDriverOptions, JobDrivers } from './job-drivers.ts'
import { buildHomeClaims, openKubernetesStorage } from './kubernetes-storage.ts'
import { findLoopbackUrl } from './local-driver.ts'
import { readClientPackage } from './node-package.ts'
import { buildNodePools, listPulledImages, pickNames } from './node-pools.ts'
import { createJobVolumes } from './pod-volumes.ts'
import { openServiceDriver } from './service-driver.ts'

export type KubernetesSection = Config['scheduler']['kubernetes']

const callTimeoutMs = 20_000
const everyAddress = '0.0.0.0'
/** Workers of a cluster: the quotas of the cluster come first. */
const maximumWorkers = 1000
/** Nobody else's on the volumes: what other systems call these numbers does not matter. */
const ownUids = { first: 20_000, last: 59_999 }
const shell = '/bin/bash'

/** Users' jobs are pods of a Kubernetes cluster; what the platform needs for itself runs beside it. */
export async function openKubernetesDrivers(options: JobDriverOptions): Promise<JobDrivers> {
  const { start, store, clock, log } = options
  const section = start.config.scheduler.kubernetes
  const hubUrl = chooseHubUrl(section, options.publicUrl)
  const doorKey = (await ensureKey(start.data, 'pod-doors.key')).toString('hex')
  const { homeSize } = start.config.storage
  const storage = openKubernetesStorage(section.storage, {
    ...{ store, clock },
    groups: start.config.storage.groups,
    sizeBytes: homeSize === undefined ? undefined : parseByteSize(homeSize),
  })
  const config = {
    ...buildKubernetesConfig(start.config, doorKey),
    prepare: storage.prepare,
    files: await readClientPackage(),
  }
  const scheduler = createKubernetesScheduler(config, { clock, log })
  const local = await openServiceDriver(options)
  log.info({ hub_url: hubUrl, namespace: section.namespace }, 'jobs run on a Kubernetes cluster')
  return {
    schedulers: { [scheduler.driver]: scheduler, ...(local === undefined ? {} : { [local.driver]: local }) },
    defaultDriver: scheduler.driver,
    accounts: createUnixAccounts({
      store,
      // This machine's accounts are nobody's in a pod.
      system: { find: () => Promise.resolve(undefined) },
      self: { login: 'atrium', shell },
      uids: ownUids,
    }),
    homes: storage.homes,
    groups: storage.groups,
    homeStorage:
      config.homeClaims === undefined
        ? storage.homeStorage
        : createClaimStorage(scheduler, { sizeBytes: config.homeClaims.sizeBytes, clock }),
    servers: {
      ...{ hubUrl, bindHost: everyAddress, warmStart: false, clientFolder: filesFolder },
      // Without a volume for environments there is none but the images' own.
      ...(isInPods(start.environmentPrefix, section) ? { environmentPrefix: start.environmentPrefix } : {}),
    },
    services: {
      hubUrl: findLoopbackUrl(options.publicUrl, start),
      ...(local === undefined ? {} : { driver: local.driver }),
    },
    clusters: { maximumWorkers },
    nodeDoor: undefined,
    preload: () => Promise.resolve(),
    endHelpers: async () => local?.shutdownAgent({ signal: AbortSignal.timeout(callTimeoutMs) }),
    async close() {
      await scheduler.close()
      await local?.close()
    },
  }
}

/** The driver's part of the configuration; see `openKubernetesDrivers` for what it gets besides. */
export function buildKubernetesConfig(
  { scheduler, profiles }: Config,
  doorKey: string,
): KubernetesSchedulerConfig {
  const section = scheduler.kubernetes
  const { kubeconfig, context, image, imagePullPolicy, serviceAccount, nodePools, storage } = section
  const { namespace, instance, python, gpuResource, readOnlyRoot, reserved } = section
  const { enabled: hasPolicies, ...networkPolicy } = section.networkPolicy
  return {
    ...{ namespace, instance, python, gpuResource, readOnlyRoot, reserved, doorKey, callTimeoutMs },
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    ...(image === undefined ? {} : { image }),
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
    ...(hasPolicies ? { networkPolicy } : {}),
    imagePullSecrets: section.imagePullSecrets,
    priorityClasses: pickNames(section.priorityClasses),
    nodePools: buildNodePools(nodePools),
    prePull: listPulledImages(section, profiles),
    volumesOf: createJobVolumes(storage),
    ...(storage.homes.claimPerUser === undefined
      ? {}
      : { homeClaims: buildHomeClaims(storage.homes.claimPerUser) }),
  }
}

function isInPods(prefix: string, { storage }: KubernetesSection): boolean {
  return storage.environments !== undefined && isWithin(prefix, storage.environments.path)
}

/** Throws `bad_request` when pods could not reach it. `publicUrl`: the edge's. */
export function chooseHubUrl(section: KubernetesSection, publicUrl: string): string {
  const url = (section.hubUrl ?? publicUrl).replace(/\/$/, '')
  if (!isLoopbackUrl(url)) return url
  throw new PlatformError('bad_request', {
    message: `Pods cannot reach the platform at ${url}. Set scheduler.kubernetes.hubUrl to an address that they reach, and edge.host to the same or to 0.0.0.0.`,
  })
}
