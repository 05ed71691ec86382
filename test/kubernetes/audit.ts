import { readFileSync } from 'node:fs'

/**
 * What the API server writes down (https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/): every request of a service account, but
 * those of the cluster's own controllers, and nothing of its content.
 */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
    { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
    { level: 'None' },
  ],
}

/** One request, in the words of a role. */
export interface AuditedRequest {
  verb: string
  /** Empty: the core group. Undefined of a path that is no resource: `/version`. */
  apiGroup?: string
  /** With its subresource: `pods/log`. */
  resource?: string
  namespace?: string
  name?: string
  path: string
  status: number
}

/** What an account (`system:serviceaccount:NAMESPACE:NAME`) has asked for, oldest first. Watches that still run are in it. */
export function readAuditLog(file: string, user: string): AuditedRequest[] {
  const requests = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter((event) => event.user.username === user)
  const seen = new Set<string>()
  return requests.flatMap(({ auditID, verb, requestURI, objectRef, responseStatus }) => {
    if (seen.has(auditID)) return []
    seen.add(auditID)
    const { resource, subresource, apiGroup, namespace, name } = objectRef ?? {}
    return [
      {
        ...{ verb, path: requestURI, status: responseStatus?.code ?? 0 },
        ...(resource === undefined
          ? {}
          : { apiGroup: apiGroup ?? '', resource: [resource, subresource].filter(Boolean).join('/') }),
        ...(namespace === undefined ? {} : { namespace }),
        ...(name === undefined ? {} : { name }),
      },
    ]
  })
}

interface AuditEvent {
  auditID: string
  verb: string
  requestURI: string
  user: { username: string }
  objectRef?: {
    resource?: string
    subresource?: string
    apiGroup?: string
    namespace?: string
    name?: string
  }
  responseStatus?: { code?: number }
}
