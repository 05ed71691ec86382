import { randomBytes } from 'node:crypto'

import type { Config } from '#config/schema.ts'
import { buildProfilesConfig } from '#main/config-slices.ts'
import { buildPod } from '#scheduler/drivers/kubernetes/build-pod.ts'
import { type KubeClient, KubeRefusal } from '#scheduler/drivers/kubernetes/kube-client.ts'
import type { KubernetesSchedulerConfig } from '#scheduler/drivers/kubernetes/kubernetes-config.ts'
import { readLauncher } from '#scheduler/drivers/kubernetes/launcher-source.ts'
import type { JobOwner, JobSpec } from '#scheduler/job.ts'
import { pickPodPlace } from '#scheduler/pod-options.ts'

import { attempt, type Finding, ok, problem, warn } from './finding.ts'

/** Somebody whom no platform has. */
const nobody: JobOwner = {
  name: 'atrium-doctor',
  login: 'atrium-doctor',
  uid: 59_999,
  gid: 59_999,
  home: '/home/atrium-doctor',
}

/** A job that is none of a platform's. */
export function buildDoctorSpec(more: Partial<JobSpec> & Pick<JobSpec, 'command'>): JobSpec {
  return {
    key: `doctor-${randomBytes(8).toString('hex')}`,
    kind: 'batch',
    owner: nobody,
    environment: {},
    workingDirectory: '/',
    resources: {},
    tasks: 1,
    ports: [],
    labels: {},
    ...more,
  }
}

/** Whether the cluster would take a pod of each profile: classes that are not there, quotas and policies refuse it, in words. Nothing is made. */
export async function checkKubernetesProfiles(
  { client, signal }: { client: KubeClient; signal: AbortSignal },
  platform: Config,
  config: KubernetesSchedulerConfig,
): Promise<readonly Finding[]> {
  const { profiles } = buildProfilesConfig(platform)
  const wanted = profiles.length === 0 ? [{ name: 'default' }] : profiles
  const path = `/api/v1/namespaces/${config.namespace}/pods`
  const launcher = readLauncher()
  const findings = wanted.map((profile) => {
    const check = `profile ${profile.name}`.slice(0, 18)
    return attempt(check, 'See what the message says.', async () => {
      const { cpu, memoryBytes, gpu } = { cpu: undefined, memoryBytes: undefined, gpu: undefined, ...profile }
      const resources = {
        ...(cpu === undefined ? {} : { cpu }),
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
        ...(gpu === undefined ? {} : { gpu }),
      }
      const place = pickPodPlace({ image: undefined, nodePool: undefined, pod: undefined, ...profile })
      const spec = buildDoctorSpec({ kind: 'server', command: ['true'], resources, ...place })
      return [
        await tryPod(check, () =>
          client.call('POST', path, {
            query: { dryRun: 'All' },
            body: buildPod(config, spec, launcher),
            signal,
          }),
        ),
      ]
    })
  })
  return [...(await Promise.all(findings)).flat(), ...(await checkStandard(client, path, signal))]
}

async function tryPod(check: string, post: () => Promise<unknown>): Promise<Finding> {
  try {
    await post()
    return ok(check, 'the cluster would take its pods')
  } catch (error) {
    if (!(error instanceof KubeRefusal)) throw error
    const mend = 'Change the profile, or what the cluster has under that name.'
    return problem(check, `The cluster would not take its pods: ${error.message}`, mend)
  }
}

/** A pod that wants everything is refused where the namespace holds to the standard. */
async function checkStandard(
  client: KubeClient,
  path: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const body = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `atrium-doctor-${randomBytes(8).toString('hex')}` },
    spec: {
      hostNetwork: true,
      containers: [{ name: 'job', image: 'none', securityContext: { privileged: true } }],
    },
  }
  try {
    await client.call('POST', path, { query: { dryRun: 'All' }, body, signal })
    const mend =
      'Ours are, but what else may be made there is not held to it: kubectl label namespace NAMESPACE pod-security.kubernetes.io/enforce=restricted'
    return [warn('pod security', 'the namespace takes privileged pods', mend)]
  } catch (error) {
    if (!(error instanceof KubeRefusal && error.status === 403)) throw error
    return [ok('pod security', 'the namespace refuses privileged pods')]
  }
}
