import type { EC2Client, Instance, RunInstancesCommandInput } from '@aws-sdk/client-ec2'

/** An instance that has not been terminated. */
export interface Ec2Machine {
  id: string
  node: string
  /** Pending and running ones can serve a node, stopping and stopped ones only cost. */
  isUp: boolean
  address?: string
  hostname?: string
}

/** What the provider does with EC2. */
export interface Ec2 {
  /** Machines of these nodes of the cluster, found by their tags. */
  find(cluster: string, nodes: readonly string[], options: { signal: AbortSignal }): Promise<Ec2Machine[]>
  run(request: RunInstancesCommandInput, options: { signal: AbortSignal }): Promise<Ec2Machine>
  /** Those that are gone already are no error. */
  terminate(ids: readonly string[], options: { signal: AbortSignal }): Promise<void>
}

export const clusterTag = 'atrium-cluster'
export const nodeTag = 'atrium-node'

const upStates: readonly (string | undefined)[] = ['pending', 'running']
const presentStates = ['pending', 'running', 'stopping', 'stopped']
/** Of one filter, by EC2's own limit. */
const mostNodes = 200

/** EC2 by its SDK, which is loaded now: it is large, and only sites with machines there need it. Credentials are found as the SDK does. */
export async function openEc2({ region, endpoint }: { region: string; endpoint?: string }): Promise<Ec2> {
  const sdk = await loadSdk()
  const client = new sdk.EC2Client({
    region,
    // A burst of nodes meets the request limit: wait and go on.
    retryMode: 'adaptive',
    maxAttempts: 10,
    ...(endpoint === undefined ? {} : { endpoint }),
  })
  return {
    async find(cluster, nodes, { signal }) {
      const found: Ec2Machine[] = []
      for (let at = 0; at < nodes.length; at += mostNodes)
        found.push(
          ...(await findSome(sdk, client, { cluster, nodes: nodes.slice(at, at + mostNodes), signal })),
        )
      return found
    },
    async run(request, { signal }) {
      const { Instances } = await client.send(new sdk.RunInstancesCommand(request), { abortSignal: signal })
      const [machine] = (Instances ?? []).flatMap(readMachine)
      if (machine === undefined) throw new Error('EC2 answered without an instance')
      return machine
    },
    terminate: (ids, { signal }) => terminate(sdk, client, ids, signal),
  }
}

type Sdk = typeof import('@aws-sdk/client-ec2')

async function loadSdk(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-ec2')
  } catch (cause) {
    throw new Error('the package @aws-sdk/client-ec2 is not installed here', { cause })
  }
}

async function findSome(
  sdk: Sdk,
  client: EC2Client,
  { cluster, nodes, signal }: { cluster: string; nodes: readonly string[]; signal: AbortSignal },
): Promise<Ec2Machine[]> {
  const found: Ec2Machine[] = []
  const filters = [
    { Name: `tag:${clusterTag}`, Values: [cluster] },
    { Name: `tag:${nodeTag}`, Values: [...nodes] },
    { Name: 'instance-state-name', Values: presentStates },
  ]
  let next: string | undefined
  do {
    const answer = await client.send(
      new sdk.DescribeInstancesCommand({ Filters: filters, ...(next ? { NextToken: next } : {}) }),
      { abortSignal: signal },
    )
    found.push(
      ...(answer.Reservations ?? []).flatMap(({ Instances }) => (Instances ?? []).flatMap(readMachine)),
    )
    next = answer.NextToken
  } while (next)
  return found
}

function readMachine({ InstanceId, State, Tags, PrivateIpAddress, PrivateDnsName }: Instance): Ec2Machine[] {
  if (InstanceId === undefined) return []
  const hostname = PrivateDnsName?.split('.')[0]
  return [
    {
      id: InstanceId,
      node: Tags?.find(({ Key }) => Key === nodeTag)?.Value ?? '',
      isUp: upStates.includes(State?.Name),
      ...(PrivateIpAddress ? { address: PrivateIpAddress } : {}),
      ...(hostname ? { hostname } : {}),
    },
  ]
}

/** One id that EC2 does not know fails all of a request: then one at a time. */
async function terminate(
  sdk: Sdk,
  client: EC2Client,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.send(new sdk.TerminateInstancesCommand({ InstanceIds: [...ids] }), { abortSignal: signal })
  } catch (error) {
    if (!isUnknownInstance(error)) throw error
    if (ids.length === 1) return
    for (const id of ids) await terminate(sdk, client, [id], signal)
  }
}

function isUnknownInstance(error: unknown): boolean {
  return error instanceof Error && error.name === 'InvalidInstanceID.NotFound'
}
