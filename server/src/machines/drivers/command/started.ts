import { isIP } from 'node:net'

import type { MachineOutcome } from '#machines/machine-provider.ts'

const namePattern = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/

/**
 * What a program says of the machine it made: lines `address=10.0.0.7` and `hostname=ip-10-0-0-7`, both optional, among whatever else it
 * prints. An address that is none is a failure: slurmctld would look for the node elsewhere until its timeout.
 */
export function parseStarted(output: string): MachineOutcome {
  const values = new Map(
    output.split('\n').flatMap((line) => {
      const [, key, value] = /^\s*(address|hostname)=(\S*)\s*$/.exec(line) ?? []
      return key === undefined || value === undefined ? [] : [[key, value] as const]
    }),
  )
  const [address, hostname] = [values.get('address'), values.get('hostname')]
  if (address !== undefined && isIP(address) === 0 && !namePattern.test(address))
    return { ok: false, reason: `not an address: ${JSON.stringify(address)}` }
  if (hostname !== undefined && !namePattern.test(hostname))
    return { ok: false, reason: `not a host name: ${JSON.stringify(hostname)}` }
  return {
    ok: true,
    ...(address === undefined ? {} : { address }),
    ...(hostname === undefined ? {} : { hostname }),
  }
}
