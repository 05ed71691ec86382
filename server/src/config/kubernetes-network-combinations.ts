import { BlockList, isIPv6 } from 'node:net'

import type { Conflict } from './combinations.ts'
import type { Config } from './schema.ts'

const section = ['scheduler', 'kubernetes', 'networkPolicy'] as const

/** What the schema cannot say of network policies. */
export function checkNetworkPolicy({
  networkPolicy: { enabled, controlPlane, egressExcept },
}: Config['scheduler']['kubernetes']): readonly Conflict[] {
  const { cidrs, namespace, podSelector } = controlPlane
  const isNobody = cidrs.length === 0 && namespace === undefined && Object.keys(podSelector).length === 0
  return [
    ...(enabled && isNobody
      ? [
          {
            path: [...section, 'controlPlane'],
            message:
              'say where the platform comes from, or it cannot reach the pods itself: give cidrs, or namespace and podSelector',
          },
        ]
      : []),
    ...checkRanges([...section, 'controlPlane', 'cidrs'], cidrs),
    ...checkRanges([...section, 'egressExcept'], egressExcept),
  ]
}

function checkRanges(path: Conflict['path'], ranges: readonly string[]): readonly Conflict[] {
  return ranges.flatMap((range, index) =>
    isRange(range)
      ? []
      : [{ path: [...path, index], message: `${range} is no range of addresses: 10.0.0.5/32` }],
  )
}

/** As Kubernetes takes them: with the length of their prefix. */
function isRange(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/')
  if (more.length > 0 || !/^\d{1,3}$/.test(length)) return false
  try {
    new BlockList().addSubnet(address, Number(length), isIPv6(address) ? 'ipv6' : 'ipv4')
    return true
  } catch {
    return false
  }
}
