import { isPlatformError } from '@atrium/contract/errors.ts'

import { KubeRefusal } from './kube-client.ts'
import { parseQuantity } from './quantity.ts'

/** What Kubernetes said to a job's objects, for its owner. */
export interface ExplainedRefusal {
  outcome: 'rejected' | 'delayed'
  /** Stable. */
  reason: 'refused' | 'cluster_quota' | 'cluster_busy' | 'namespace_missing' | 'not_permitted'
  message: string
}

interface Rule {
  pattern: RegExp
  explain(match: RegExpExecArray, all: string): ExplainedRefusal
}

const delay = (reason: ExplainedRefusal['reason'], message: string): ExplainedRefusal => ({
  ...{ outcome: 'delayed', reason },
  message: `${message} It is tried again.`,
})
const reject = (message: string): ExplainedRefusal => ({ outcome: 'rejected', reason: 'refused', message })

/** Words of Kubernetes 1.34's own admission plugins (`plugin/pkg/admission`), in the order they are looked for. */
const rules: readonly Rule[] = [
  {
    pattern: /admission webhook "(.+?)" denied the request:? ?(.*)$/s,
    explain: ([, webhook = '', why = '']) =>
      reject(`The cluster's rules (${webhook}) do not allow it: ${why}`),
  },
  {
    pattern: /ValidatingAdmissionPolicy '(.+?)' with binding '.+?' denied request: (.*)$/s,
    explain: ([, policy = '', why = '']) => reject(`The cluster's rules (${policy}) do not allow it: ${why}`),
  },
  {
    pattern: /failed calling webhook "(.+?)": (.*)$/s,
    explain: ([, webhook = '', why = '']) =>
      delay('cluster_busy', `What checks new jobs for the cluster (${webhook}) does not answer: ${why}.`),
  },
  {
    pattern: /exceeded quota: (\S+), requested: (\S+), used: (\S+), limited: (\S+)/,
    explain: ([, name = '', requested = '', used = '', limited = '']) =>
      explainQuota({ name, requested, used, limited }),
  },
  {
    pattern: /failed quota: (\S+): (.*)$/s,
    explain: ([, name = '', why = '']) =>
      reject(`The cluster's quota ${name} wants more to be said of a job: ${why}.`),
  },
  {
    pattern: /status unknown for (resource )?quota/,
    explain: () => delay('cluster_busy', 'The cluster does not yet know what its quota leaves.'),
  },
  {
    pattern: /violates PodSecurity "(.+?)": (.*)$/s,
    explain: ([, level = '', why = '']) =>
      reject(`The security standard of the namespace (${level}) does not allow it: ${why}.`),
  },
  {
    pattern: /because it is being terminated|namespaces? "(.+?)" not found/,
    explain: () =>
      delay('namespace_missing', 'The namespace for jobs is not there; an administrator has to make it.'),
  },
  {
    pattern: /error looking up service account \S+: (.*)$/s,
    explain: ([, why = '']) =>
      delay('namespace_missing', `The cluster does not have what jobs run as: ${why}.`),
  },
  {
    pattern: /User ".+?" cannot (\w+) resource "(.+?)"/,
    explain: ([, verb = '', kind = '']) =>
      delay(
        'not_permitted',
        `The platform may not ${verb} ${kind} in the namespace for jobs; an administrator has to allow it.`,
      ),
  },
  {
    pattern: /is forbidden: \[?((?:maximum|minimum) .*?|.* limit to request ratio .*?)\]?$/s,
    explain: ([, why = '']) =>
      reject(`The cluster's limits for one job (LimitRange) do not allow it: ${why}.`),
  },
]

/** Undefined for what says nothing of the job: the server does not answer, or something of ours is broken. */
export function explainRefusal(error: unknown): ExplainedRefusal | undefined {
  if (isPlatformError(error, 'bad_request') || isPlatformError(error, 'conflict'))
    return reject(error.message)
  const refusal = findRefusal(error)
  if (refusal === undefined) return undefined
  const { message, status } = refusal
  for (const { pattern, explain } of rules) {
    const match = pattern.exec(message)
    if (match !== null) return explain(match, message)
  }
  if (status >= 500 || status === 401 || status === 429) return undefined
  if (status === 409) return delay('cluster_busy', `The cluster is busy with something else: ${message}.`)
  return reject(`Kubernetes does not take it: ${message}`)
}

/** A server in trouble is as good as away, but a webhook of its own that fails concerns only what it checks. */
function findRefusal(error: unknown): KubeRefusal | undefined {
  if (error instanceof KubeRefusal) return error
  const { cause } = error as { cause?: unknown }
  return cause instanceof KubeRefusal ? cause : undefined
}

interface Quota {
  name: string
  requested: string
  used: string
  limited: string
}

/** `requested: cpu=2,memory=1Gi`: only what the quota lacks is named. */
function explainQuota({ name, requested, used, limited }: Quota): ExplainedRefusal {
  const [wanted, limits] = [parseAmounts(requested), parseAmounts(limited)]
  const tooMuch = [...wanted].find(
    ([what, amount]) => parseQuantity(amount) > parseQuantity(limits.get(what)),
  )
  if (tooMuch !== undefined) {
    const [what, amount] = tooMuch
    return reject(
      `It wants more than the cluster's quota ${name} has in all: ${what} ${amount} of ${limits.get(what)}.`,
    )
  }
  return delay(
    'cluster_quota',
    `The cluster's quota ${name} is used up: it wants ${requested}, and ${used} of ${limited} is used.`,
  )
}

function parseAmounts(text: string): Map<string, string> {
  return new Map(text.split(',').map((part) => part.split('=') as [string, string]))
}
