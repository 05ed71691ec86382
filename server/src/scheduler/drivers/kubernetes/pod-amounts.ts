import type { V1Node, V1Pod } from '@kubernetes/client-node'

import { parseQuantity } from './quantity.ts'

/** Amounts by resource, as Kubernetes names them: cores, bytes, pieces. */
export type Amounts = Readonly<Record<string, number>>

/** What device plugins of makers call their GPUs (https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/). */
const gpuResource = /^(nvidia\.com\/(gpu|mig-.+)|amd\.com\/gpu|gpu\.intel\.com\/(i915|xe)|habana\.ai\/gaudi)$/

/** Whether `resource` counts GPUs; `own`: what this site calls them. */
export function isGpu(resource: string, own?: string): boolean {
  return resource === own || gpuResource.test(resource)
}

/** What a pod takes from its node: what its containers ask for, or more of what those ask for that run before them. */
export function sumRequests(pod: V1Pod): Amounts {
  return remember(requests, pod, readRequests)
}

/** What was read of an object once holds for as long as it is the same one: thousands of pods are held against hundreds of nodes. */
const requests = new WeakMap<V1Pod, Amounts>()
const allocatable = new WeakMap<V1Node, Amounts>()

function remember<T extends object>(known: WeakMap<T, Amounts>, of: T, read: (of: T) => Amounts): Amounts {
  const found = known.get(of) ?? read(of)
  known.set(of, found)
  return found
}

function readRequests({ spec }: V1Pod): Amounts {
  const sum: Record<string, number> = {}
  for (const { resources } of spec?.containers ?? [])
    for (const [name, text] of Object.entries(resources?.requests ?? {}))
      sum[name] = (sum[name] ?? 0) + parseQuantity(text)
  for (const { resources } of spec?.initContainers ?? [])
    for (const [name, text] of Object.entries(resources?.requests ?? {}))
      sum[name] = Math.max(sum[name] ?? 0, parseQuantity(text))
  return sum
}

/** What pods can have of a node. */
export function readAllocatable(node: V1Node): Amounts {
  return remember(allocatable, node, ({ status }) =>
    Object.fromEntries(
      Object.entries(status?.allocatable ?? {}).map(([name, text]) => [name, parseQuantity(text)]),
    ),
  )
}

export function addAmounts(a: Amounts, b: Amounts, factor: 1 | -1 = 1): Amounts {
  const sum: Record<string, number> = { ...a }
  for (const [name, amount] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + factor * amount
  return sum
}

/** A thousandth of a core is the finest there is, and sums of them are not exact. */
const tolerance = 1e-6

export function fitsInto(wanted: Amounts, free: Amounts): boolean {
  return Object.entries(wanted).every(([name, amount]) => amount <= (free[name] ?? 0) + tolerance)
}

/** GPUs of any make among them. */
export function countGpus(amounts: Amounts, own?: string): number {
  return Object.entries(amounts).reduce((sum, [name, count]) => (isGpu(name, own) ? sum + count : sum), 0)
}
