import type { V1Pod } from '@kubernetes/client-node'

import type { JobSpec } from '#scheduler/job.ts'

import { findMisfit } from './job-fit.ts'
import type { KubernetesContext } from './kubernetes-scheduler.ts'

export interface JobRefusal {
  /** Stable. */
  reason: 'no_such_pool' | 'spot_pool' | 'never_fits'
  message: string
}

/** Why a job is not handed to Kubernetes, which would let it wait for ever. */
export function findRefusal(
  { config, nodes }: Pick<KubernetesContext, 'config' | 'nodes'>,
  { nodePool, preemptible = false }: JobSpec,
  pod: V1Pod,
): JobRefusal | undefined {
  const { nodePools: pools = {}, gpuResource } = config
  if (nodePool === undefined) return undefined
  const pool = Object.hasOwn(pools, nodePool) ? pools[nodePool] : undefined
  if (pool === undefined)
    return { reason: 'no_such_pool', message: `There is no pool of nodes ${JSON.stringify(nodePool)}.` }
  if (pool.spot === true && !preemptible)
    return {
      reason: 'spot_pool',
      message: `The nodes of pool ${nodePool} can be taken away at short notice: they are for preemptible jobs.`,
    }
  const view = { nodes: nodes.all()?.values(), pools }
  const misfit = findMisfit(pod, nodePool, gpuResource === undefined ? view : { ...view, gpuResource })
  return misfit?.isFinal === true ? { reason: 'never_fits', message: misfit.text } : undefined
}
