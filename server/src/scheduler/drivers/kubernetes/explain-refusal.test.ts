import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { PlatformError } from '@atrium/contract/errors.ts'

import { explainRefusal } from './explain-refusal.ts'
import { KubeRefusal } from './kube-client.ts'

/** As Kubernetes 1.34 says it. */
describe('what Kubernetes says to a new job', () => {
  const said: readonly (readonly [
    status: number,
    message: string,
    outcome: string,
    reason: string,
    words: RegExp,
  ])[] = [
    [
      403,
      'pods "a" is forbidden: exceeded quota: team, requested: requests.cpu=1, used: requests.cpu=2, limited: requests.cpu=2',
      ...(['delayed', 'cluster_quota', /quota team is used up: it wants requests.cpu=1/] as const),
    ],
    [
      403,
      'pods "a" is forbidden: exceeded quota: team, requested: memory=3Gi, used: memory=0, limited: memory=2Gi',
      ...([
        'rejected',
        'refused',
        /more than the cluster's quota team has in all: memory 3Gi of 2Gi/,
      ] as const),
    ],
    [
      403,
      'pods "a" is forbidden: failed quota: team: must specify limits.cpu for: job',
      ...(['rejected', 'refused', /must specify limits.cpu/] as const),
    ],
    [
      403,
      'pods "a" is forbidden: [minimum memory usage per Container is 64Mi, but request is 1Mi, maximum cpu usage per Pod is 1, but limit is 2]',
      ...(['rejected', 'refused', /LimitRange.*minimum memory usage.*but limit is 2\.$/] as const),
    ],
    [
      403,
      'pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
      ...(['rejected', 'refused', /security standard of the namespace \(restricted:latest\)/] as const),
    ],
    [
      400,
      'admission webhook "policy.site.example" denied the request: no GPU on Fridays',
      ...(['rejected', 'refused', /\(policy.site.example\) do not allow it: no GPU on Fridays/] as const),
    ],
    [
      403,
      'pods "a" is forbidden: unable to create new content in namespace jobs because it is being terminated',
      ...(['delayed', 'namespace_missing', /namespace for jobs is not there/] as const),
    ],
    [404, 'namespaces "jobs" not found', 'delayed', 'namespace_missing', /administrator has to make it/],
    [
      403,
      'pods "a" is forbidden: error looking up service account jobs/default: serviceaccount "default" not found',
      ...(['delayed', 'namespace_missing', /serviceaccount "default" not found/] as const),
    ],
    [
      403,
      'pods "a" is forbidden: User "system:serviceaccount:atrium:hub" cannot patch resource "pods" in API group "" in the namespace "jobs"',
      ...(['delayed', 'not_permitted', /may not patch pods/] as const),
    ],
    [
      409,
      'Operation cannot be fulfilled on resourcequotas "team": the object has been modified',
      ...(['delayed', 'cluster_busy', /busy/] as const),
    ],
    [
      422,
      'Pod "a" is invalid: spec.containers[0].image: Required value',
      'rejected',
      'refused',
      /Required value/,
    ],
  ]
  for (const [status, message, outcome, reason, words] of said)
    test(`${outcome}: ${message}`, () => {
      const explained = explainRefusal(new KubeRefusal(status, '', message))
      assert.equal(explained?.outcome, outcome)
      assert.equal(explained.reason, reason)
      assert.match(explained.message, words)
    })

  test('a webhook that does not answer delays what it checks, and nothing else', () => {
    const cause = new KubeRefusal(
      500,
      'InternalError',
      'Internal error occurred: failed calling webhook "policy.site.example": connect: connection refused',
    )
    const error = new PlatformError('scheduler_unavailable', { message: 'in trouble', cause })
    assert.equal(explainRefusal(error)?.outcome, 'delayed')
    assert.equal(explainRefusal(new PlatformError('scheduler_unavailable', { message: 'away' })), undefined)
  })
})
