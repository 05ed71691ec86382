import type { KubeClient } from '#scheduler/drivers/kubernetes/kube-client.ts'

import { type Finding, ok, problem } from './finding.ts'

/** What the platform does in a cluster. */
interface Right {
  group: string
  resource: string
  subresource?: string
  verbs: readonly string[]
}

/** In the namespace of users' pods: `deploy/kubernetes/chart/rbac/role-rules.yaml`. */
export const namespaceRights: readonly Right[] = [
  { group: '', resource: 'pods', verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
  { group: '', resource: 'pods', subresource: 'status', verbs: ['patch'] },
  { group: '', resource: 'pods', subresource: 'log', verbs: ['get'] },
  { group: '', resource: 'secrets', verbs: ['create', 'patch'] },
  { group: '', resource: 'configmaps', verbs: ['create', 'patch'] },
  {
    group: '',
    resource: 'persistentvolumeclaims',
    verbs: ['get', 'list', 'watch', 'create', 'patch'],
  },
  { group: '', resource: 'events', verbs: ['list', 'watch'] },
  {
    group: 'networking.k8s.io',
    resource: 'networkpolicies',
    verbs: ['list', 'watch', 'create', 'patch', 'delete'],
  },
]

/** Of the whole cluster: `cluster-role-rules.yaml` beside it. */
export const clusterRights: readonly Right[] = [{ group: '', resource: 'nodes', verbs: ['list', 'watch'] }]

/** Asks the cluster about each (https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access). */
export async function checkRights(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const ask = (rights: readonly Right[], place: { namespace?: string }) =>
    rights.flatMap(({ verbs, ...what }) =>
      verbs.map(async (verb) => {
        const isAllowed = await review(client, { ...what, ...place, verb }, signal)
        const { resource, subresource } = what
        return isAllowed ? [] : [`${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`]
      }),
    )
  const missing = (
    await Promise.all([...ask(namespaceRights, { namespace }), ...ask(clusterRights, {})])
  ).flat()
  if (missing.length === 0) return [ok('rights', 'all that the platform needs')]
  const mend = `Bind the rules of deploy/kubernetes/chart/rbac to this account: role-rules.yaml in ${namespace}, cluster-role-rules.yaml in the cluster.`
  return [problem('rights', `It may not ${missing.join(', ')}`, mend)]
}

async function review(client: KubeClient, resourceAttributes: object, signal: AbortSignal): Promise<boolean> {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  }
  const { status } = await client.call<{ status?: { allowed?: boolean } }>('POST', path, { body, signal })
  return status?.allowed === true
}
