import { kubeconfigOf } from './certificates.ts'
import type { KubernetesLayout } from './layout.ts'

/** Of packets that wait for a verdict. */
const queue = '100'

/**
 * Starts sigs.k8s.io/kube-network-policies on a node. It is asked about the first packet of each connection from or to a pod, by iptables:
 * its own rules want CONFIG_NFT_QUEUE, which not every kernel has. Without it nothing passes, as a node that holds to policies must do.
 * What the node itself says to its pods is free, as Kubernetes wants it for probes (https://kubernetes.io/docs/concepts/services-networking/network-policies/).
 */
export function buildPolicyCommand(layout: KubernetesLayout): string[] {
  const { node, podSubnet } = layout
  const rules = `*mangle
:ATRIUM-POLICIES - [0:0]
-A ATRIUM-POLICIES -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A ATRIUM-POLICIES -m owner --uid-owner 0 -j RETURN
-A ATRIUM-POLICIES -s ${podSubnet} -j NFQUEUE --queue-num ${queue}
-A ATRIUM-POLICIES -d ${podSubnet} -j NFQUEUE --queue-num ${queue}
COMMIT`
  const jump = 'POSTROUTING -j ATRIUM-POLICIES'
  const script = [
    'set -e; iptables="iptables --wait --table mangle"',
    'echo "$1" | iptables-restore --wait --noflush; shift',
    `$iptables --check ${jump} 2>/dev/null || $iptables --append ${jump}`,
    'exec "$@"',
  ].join('\n')
  const program = ['network-policies', `--queue=${queue}`, `--node=${node.name}`]
  return [
    'sh',
    '-c',
    script,
    'sh',
    rules,
    ...program,
    `--kubeconfig=${kubeconfigOf(layout, 'network-policies')}`,
  ]
}
