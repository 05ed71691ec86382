import { buildKubernetesConfig, chooseHubUrl } from '#main/kubernetes-driver.ts'
import { createJobVolumes } from '#main/pod-volumes.ts'
import type { StartOptions } from '#main/start-options.ts'
import { createKubeClient } from '#scheduler/drivers/kubernetes/kube-client.ts'
import type { KubernetesSchedulerConfig } from '#scheduler/drivers/kubernetes/kubernetes-config.ts'

import { checkClaims, checkNodes } from './check-kubernetes-cluster.ts'
import { checkKubernetesNetwork } from './check-kubernetes-network.ts'
import { checkKubernetesPod } from './check-kubernetes-pod.ts'
import { checkKubernetesProfiles } from './check-kubernetes-profiles.ts'
import { attempt, type Finding, ok, problem, warn } from './finding.ts'
import { openHubStandIn } from './hub-stand-in.ts'
import { checkRights } from './kubernetes-rights.ts'

/** What its features are counted from: server-side apply of all that is used, and pods' scheduling readiness. */
const oldest = { major: 1, minor: 27 }
const lookMs = 60_000

/** A Kubernetes cluster: what the platform may do there, what it would find, and one small pod of it. `patienceMs`: how long that may wait. */
export async function checkKubernetes({
  start,
  patienceMs,
}: {
  start: StartOptions
  patienceMs: number
}): Promise<readonly Finding[]> {
  const section = start.config.scheduler.kubernetes
  const signal = AbortSignal.timeout(lookMs)
  const config = buildKubernetesConfig(start.config, 'doctor')
  const reach =
    'Look at scheduler.kubernetes.kubeconfig and context; outside of a cluster there has to be one.'
  let client: ReturnType<typeof createKubeClient> | undefined
  const api = await attempt('API server', reach, async () => {
    client = createKubeClient(config)
    return [judgeVersion(await client.call<{ gitVersion: string }>('GET', '/version', { signal }))]
  })
  if (client === undefined || api.some(({ status }) => status === 'problem')) return api
  const known = client
  const sight = { client: known, section, config, signal }
  const mend = 'Mend what is above first.'
  const rights = await attempt('rights', mend, () => checkRights(known, section.namespace, signal))
  // What it may not do it cannot look at either.
  if (rights.some(({ status }) => status === 'problem')) return [...api, ...rights]
  const found = await Promise.all([
    attempt('claims', mend, () => checkClaims(sight)),
    attempt('nodes', mend, () => checkNodes(sight)),
    attempt('profiles', mend, () => checkKubernetesProfiles(sight, start.config, config)),
  ])
  const pod = await attempt('pod', mend, () => probe(start, known, patienceMs))
  const network = await checkKubernetesNetwork(start.config, { patienceMs })
  return [...api, ...rights, ...found.flat(), ...pod, ...network]
}

function judgeVersion({ gitVersion }: { gitVersion: string }): Finding {
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? []
  const isOld = Number(major) === oldest.major && Number(minor) < oldest.minor
  return isOld
    ? warn(
        'API server',
        `Kubernetes ${gitVersion} is older than ${oldest.major}.${oldest.minor}`,
        'Upgrade the cluster: nothing is tried on such an old one.',
      )
    : ok('API server', `Kubernetes ${gitVersion} answers`)
}

async function probe(
  start: StartOptions,
  client: ReturnType<typeof createKubeClient>,
  patienceMs: number,
): Promise<readonly Finding[]> {
  const section = start.config.scheduler.kubernetes
  const config = buildKubernetesConfig(start.config, 'doctor')
  if (config.image === undefined)
    return [
      warn(
        'pod',
        'not tried: profiles alone name images',
        'Give scheduler.kubernetes.image to have one tried.',
      ),
    ]
  const { root: _, ...storage } = section.storage
  const hubUrl = chooseHubUrl(section, start.config.edge.publicUrl ?? `http://${start.host}:${start.port}`)
  const standIn = hubUrl.startsWith('https:') ? undefined : await openHubStandIn(start.host, start.port)
  const [program] = start.config.servers.command ?? []
  const inPods = section.storage.environments === undefined ? undefined : start.environmentPrefix
  try {
    return await checkKubernetesPod({
      client,
      // Nobody's home is looked at, nor made.
      config: { ...buildProbeConfig(config), volumesOf: createJobVolumes({ ...storage, homes: {} }) },
      hubUrl,
      server:
        program ?? (inPods === undefined ? 'jupyterhub-singleuser' : `${inPods}/bin/jupyterhub-singleuser`),
      patienceMs,
    })
  } catch (error) {
    return [
      problem('pod', error instanceof Error ? error.message : String(error), 'See what the message says.'),
    ]
  } finally {
    standIn?.close()
  }
}

/** Neither claims of homes, nor images to pull, nor seats to keep: they would be made for nobody. */
function buildProbeConfig(config: KubernetesSchedulerConfig): KubernetesSchedulerConfig {
  const { homeClaims: _, prepare: __, prePull: ___, nodePools: ____, ...rest } = config
  return rest
}
