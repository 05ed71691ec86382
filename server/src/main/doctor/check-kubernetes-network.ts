import type { Config } from '#config/schema.ts'
import { systemClock } from '#platform/clock.ts'
import { probeNetworkPolicies } from '#scheduler/drivers/kubernetes/probe-network-policies.ts'

import { attempt, type Finding, ok, problem, warn } from './finding.ts'

const check = 'network policies'
const callTimeoutMs = 10_000
const plugin =
  'Use a network plugin that enforces NetworkPolicies: Calico, Cilium, or what your cloud offers.'

/** Whether anything keeps users' pods apart: the policies of the configuration, and a cluster that holds pods to them. */
export async function checkKubernetesNetwork(
  config: Config,
  { patienceMs }: { patienceMs: number },
): Promise<readonly Finding[]> {
  const { networkPolicy, kubeconfig, context, imagePullPolicy, serviceAccount, ...section } =
    config.scheduler.kubernetes
  if (!networkPolicy.enabled)
    return [
      warn(
        check,
        "they are off: every user's pods reach those of every other",
        'Set scheduler.kubernetes.networkPolicy.enabled, and controlPlane to where the platform is.',
      ),
    ]
  const image = section.image ?? config.profiles.find((profile) => profile.image !== undefined)?.image
  if (image === undefined) return []
  const { namespace, python, imagePullSecrets } = section
  return attempt(check, 'See what the message says.', async () => {
    const verdict = await probeNetworkPolicies(
      {
        ...{ namespace, python, imagePullSecrets, image, callTimeoutMs },
        ...(kubeconfig === undefined ? {} : { kubeconfig }),
        ...(context === undefined ? {} : { context }),
        ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
        ...(serviceAccount === undefined ? {} : { serviceAccount }),
      },
      { clock: systemClock, patienceMs, signal: AbortSignal.timeout(patienceMs + 60_000) },
    )
    switch (verdict.state) {
      case 'enforced':
        return [ok(check, 'the cluster holds pods to them')]
      case 'open':
        return [
          problem(
            check,
            "the cluster does not hold pods to them: every user's pods reach those of every other",
            plugin,
          ),
        ]
      case 'unknown':
        return [warn(check, `whether the cluster enforces them is not known: ${verdict.why}`, plugin)]
    }
  })
}
