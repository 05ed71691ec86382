import type { V1LabelSelector, V1NetworkPolicyPeer, V1ObjectMeta } from '@kubernetes/client-node'

import type { KubernetesSchedulerConfig, NetworkPolicyConfig } from './kubernetes-config.ts'
import { labels } from './pod-names.ts'

/** What policies are made of. */
export type PolicySite = Pick<KubernetesSchedulerConfig, 'namespace' | 'instance'> & {
  networkPolicy: NetworkPolicyConfig
}

/** As it is on the wire; the client's own types call `from` otherwise. */
export interface NetworkPolicy {
  apiVersion?: string
  kind?: string
  metadata?: V1ObjectMeta
  spec?: {
    podSelector: V1LabelSelector
    policyTypes: readonly string[]
    ingress?: readonly { from: readonly V1NetworkPolicyPeer[] }[]
    egress?: readonly {
      to?: readonly V1NetworkPolicyPeer[]
      ports?: readonly { protocol: string; port: number }[]
    }[]
  }
}

/** 5353: OpenShift's servers, behind their service. */
const dnsPorts = [53, 5353]

/**
 * What holds for every pod of ours: nothing comes in but from the platform; nothing goes out but questions for names, and to the platform and
 * wherever else it is not forbidden. Whoever is to be safe from users' pods in the cluster itself has a policy of their own for what comes in.
 */
export function buildBasePolicy(site: PolicySite): NetworkPolicy {
  const platform = buildPlatformPeers(site.networkPolicy)
  const ports = dnsPorts.flatMap((port) => ['UDP', 'TCP'].map((protocol) => ({ protocol, port })))
  return {
    ...buildHead(site, basePolicyName(site.instance), {}),
    spec: {
      podSelector: { matchLabels: ownLabels(site.instance) },
      policyTypes: ['Ingress', 'Egress'],
      ...(platform.length === 0 ? {} : { ingress: [{ from: platform }] }),
      egress: [
        { ports },
        ...(platform.length === 0 ? [] : [{ to: platform }]),
        { to: buildOutside(site.networkPolicy.egressExcept) },
      ],
    },
  }
}

/** Beside the base: pods of one owner reach one another. `owner`: as `buildOwnerLabel` makes it. */
export function buildOwnerPolicy(site: PolicySite, owner: string): NetworkPolicy {
  const podSelector = { matchLabels: { ...ownLabels(site.instance), [labels.owner]: owner } }
  return {
    ...buildHead(site, ownerPolicyName(site.instance, owner), { [labels.owner]: owner }),
    spec: {
      podSelector,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ podSelector }] }],
      egress: [{ to: [{ podSelector }] }],
    },
  }
}

/** No instance and no owner's label has a dot: names of two are never one. */
export function basePolicyName(instance: string): string {
  return `atrium.${instance}`
}

export function ownerPolicyName(instance: string, owner: string): string {
  return `${basePolicyName(instance)}.${owner}`
}

function buildHead(
  { namespace, instance }: PolicySite,
  name: string,
  more: Readonly<Record<string, string>>,
): Pick<NetworkPolicy, 'apiVersion' | 'kind' | 'metadata'> {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels: { ...ownLabels(instance), ...more } },
  }
}

function ownLabels(instance: string): Record<string, string> {
  return { [labels.managedBy]: 'atrium', [labels.instance]: instance }
}

function buildPlatformPeers({ controlPlane }: NetworkPolicyConfig): V1NetworkPolicyPeer[] {
  const { cidrs, namespace, podSelector } = controlPlane
  const inside: V1NetworkPolicyPeer[] =
    namespace === undefined && Object.keys(podSelector).length === 0
      ? []
      : [
          {
            ...(namespace === undefined
              ? {}
              : { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }),
            podSelector: { matchLabels: { ...podSelector } },
          },
        ]
  return [...inside, ...cidrs.map((cidr) => ({ ipBlock: { cidr } }))]
}

function buildOutside(except: readonly string[]): V1NetworkPolicyPeer[] {
  return ['0.0.0.0/0', '::/0'].map((cidr) => {
    const ofFamily = except.filter((entry) => entry.includes(':') === cidr.includes(':'))
    return { ipBlock: { cidr, ...(ofFamily.length === 0 ? {} : { except: ofFamily }) } }
  })
}
