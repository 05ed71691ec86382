import type { MachineOutcome, MachineProvider } from '#machines/machine-provider.ts'
import { createTurns } from '#platform/turns.ts'

import { type Ec2, type Ec2Machine, openEc2 } from './ec2.ts'
import { buildLaunchRequests, isCapacityError } from './launch-requests.ts'

export interface AwsMachinesConfig {
  region: string
  endpoint?: string
  market: 'on-demand' | 'spot' | 'spot-then-on-demand'
  /** Dollars an hour for spot. */
  maxPrice?: string
  /** Name or id. */
  launchTemplate?: string
  launchTemplateVersion: string
  image?: string
  instanceTypes: readonly string[]
  subnets: readonly string[]
  securityGroups: readonly string[]
  instanceProfile?: string
  /** The start script itself. */
  userData?: string
  tags: Readonly<Record<string, string>>
}

/** Requests at the same time: EC2 lets through a few a second, the SDK waits for the rest. */
const atOnce = 8

/** Machines of EC2, told apart by the tags `atrium-cluster` and `atrium-node`. `open` is replaced by tests that need capacity to run out. */
export function createAwsProvider(
  config: AwsMachinesConfig,
  { cluster, open = openEc2 }: { cluster(): Promise<string>; open?: typeof openEc2 },
): MachineProvider {
  return {
    async start(nodes, { signal }) {
      const [ec2, name] = await Promise.all([open(config), cluster()])
      const present = (await ec2.find(name, nodes, { signal })).filter(({ isUp }) => isUp)
      const turns = createTurns({ atOnce, mostWaiting: Number.POSITIVE_INFINITY })
      const start = async (node: string): Promise<MachineOutcome> => {
        const there = present.find((machine) => machine.node === node)
        if (there !== undefined) return describeMachine(there)
        return await launch(ec2, config, { node, cluster: name, signal })
      }
      const outcomes = await Promise.all(
        nodes.map(async (node) => {
          const outcome = await turns.take(() => start(node))
          return [node, outcome ?? { ok: false, reason: 'not done' }] as const
        }),
      )
      return new Map(outcomes)
    },

    async stop(nodes, { signal }) {
      const [ec2, name] = await Promise.all([open(config), cluster()])
      const present = await ec2.find(name, nodes, { signal })
      if (present.length > 0)
        await ec2.terminate(
          present.map(({ id }) => id),
          { signal },
        )
      return new Map(nodes.map((node) => [node, { ok: true }]))
    },

    async list(nodes, { signal }) {
      const [ec2, name] = await Promise.all([open(config), cluster()])
      return [...new Set((await ec2.find(name, nodes, { signal })).map(({ node }) => node))]
    },
  }
}

/** Orders in turn until there is capacity. Anything else that EC2 says is final. */
async function launch(
  ec2: Ec2,
  config: AwsMachinesConfig,
  { node, cluster, signal }: { node: string; cluster: string; signal: AbortSignal },
): Promise<MachineOutcome> {
  let reason = 'nothing to order'
  for (const request of buildLaunchRequests(config, { node, cluster })) {
    try {
      return describeMachine(await ec2.run(request, { signal }))
    } catch (error) {
      reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
      if (!isCapacityError(error)) break
    }
  }
  return { ok: false, reason }
}

function describeMachine({ address, hostname }: Ec2Machine): MachineOutcome {
  return {
    ok: true,
    ...(address === undefined ? {} : { address }),
    ...(hostname === undefined ? {} : { hostname }),
  }
}
