import { systemClock } from '@atrium/server/platform/clock.ts'
import { createRestClient } from '@atrium/server/scheduler/drivers/slurm/rest-client.ts'
import { createMintedTokens, type RestTokens } from '@atrium/server/scheduler/drivers/slurm/rest-token.ts'
import { createRestTransport } from '@atrium/server/scheduler/drivers/slurm/rest-transport.ts'
import type { SlurmClient } from '@atrium/server/scheduler/drivers/slurm/slurm-client.ts'

import { findUnixAccount } from './accounts.ts'
import type { SlurmCluster } from './cluster.ts'

const timeoutMs = 20_000

/** The cluster by its slurmrestd alone, with tokens of the cluster's key unless others are given. */
export function openRestWay(
  { restUrl, jwtKeyPath }: SlurmCluster,
  tokens: RestTokens = createMintedTokens({ keyFile: jwtKeyPath, clock: systemClock }),
): SlurmClient {
  return createRestClient({
    transport: createRestTransport({ url: restUrl, timeoutMs }),
    tokens,
    reader: 'slurm',
    findUid: async (login) => findUnixAccount(login)?.uid,
    clock: systemClock,
  })
}
