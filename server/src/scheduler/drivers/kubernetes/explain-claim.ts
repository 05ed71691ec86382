import type { CoreV1Event, V1PersistentVolumeClaim } from '@kubernetes/client-node'

/** What comes by itself, with the pod or soon after: no reason to say anything. */
const usual = ['WaitForFirstConsumer', 'WaitForPodScheduled', 'Provisioning', 'ProvisioningSucceeded']

/** What keeps a home's claim from its volume, or from the size that was asked for. `said`: the last event about it. */
export function explainClaim(
  claim: V1PersistentVolumeClaim,
  said: CoreV1Event | undefined,
): string | undefined {
  const { metadata, status } = claim
  if (metadata?.deletionTimestamp !== undefined)
    return 'The volume of the home is being deleted by an administrator of the cluster.'
  if (status?.phase === 'Lost') return 'The volume of the home is lost. Ask an administrator of the cluster.'
  const message = said?.message ?? ''
  const reason = said?.reason ?? ''
  if (status?.phase === 'Bound') {
    const isStuck = status.conditions?.some(
      ({ type }) => type === 'ControllerResizeError' || type === 'NodeResizeError',
    )
    return isStuck || reason === 'VolumeResizeFailed'
      ? `The home cannot be made larger yet: ${message}`
      : undefined
  }
  if (said === undefined || usual.includes(reason)) return undefined
  if (reason === 'ExternalProvisioning') return 'The home waits for its volume, which is being made.'
  return `The home waits for its volume: ${message}`
}
