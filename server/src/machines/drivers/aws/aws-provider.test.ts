import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type AwsMachinesConfig, createAwsProvider } from './aws-provider.ts'
import type { Ec2, Ec2Machine } from './ec2.ts'

const config: AwsMachinesConfig = {
  region: 'eu-central-1',
  market: 'on-demand',
  launchTemplate: 'workers',
  launchTemplateVersion: '$Default',
  instanceTypes: [],
  subnets: [],
  securityGroups: [],
  tags: {},
}
const options = { signal: new AbortController().signal }

type Order = Parameters<Ec2['run']>[0]

/** EC2 that has nothing of some kinds. `refuse` answers the name of the error for an order, if it is one. */
function createEc2(refuse: (order: Order) => string | undefined, present: Ec2Machine[] = []) {
  const orders: Order[] = []
  const terminated: string[] = []
  const ec2: Ec2 = {
    find: async (_cluster, nodes) => present.filter(({ node }) => nodes.includes(node)),
    async run(order) {
      orders.push(order)
      const name = refuse(order)
      if (name !== undefined) throw Object.assign(new Error('so sorry'), { name })
      return { id: `i-${orders.length}`, node: '', isUp: true, address: `10.0.0.${orders.length}` }
    },
    async terminate(ids) {
      terminated.push(...ids)
    },
  }
  const create = (changes: Partial<AwsMachinesConfig> = {}) =>
    createAwsProvider({ ...config, ...changes }, { cluster: async () => 'tests', open: async () => ec2 })
  return { create, orders, terminated }
}

const isSpot = (order: Order) => order.InstanceMarketOptions?.MarketType === 'spot'

test('looks for capacity in other subnets, then other types, then the other market', async () => {
  const { create, orders } = createEc2((order) =>
    isSpot(order) ? 'InsufficientInstanceCapacity' : undefined,
  )
  const machines = create({
    market: 'spot-then-on-demand',
    instanceTypes: ['m7i.large', 'm7a.large'],
    subnets: ['subnet-a', 'subnet-b'],
  })
  const outcome = (await machines.start(['c1'], options)).get('c1')
  assert.deepEqual(outcome, { ok: true, address: '10.0.0.5' })
  assert.deepEqual(
    orders.map((order) =>
      [isSpot(order) ? 'spot' : 'on-demand', order.InstanceType, order.SubnetId].join(' '),
    ),
    [
      'spot m7i.large subnet-a',
      'spot m7i.large subnet-b',
      'spot m7a.large subnet-a',
      'spot m7a.large subnet-b',
      'on-demand m7i.large subnet-a',
    ],
  )
})

test('does not go on when the order itself is refused, and says what EC2 said', async () => {
  const { create, orders } = createEc2(() => 'UnauthorizedOperation')
  const machines = create({ instanceTypes: ['m7i.large', 'm7a.large'] })
  const outcome = (await machines.start(['c1'], options)).get('c1')
  assert.deepEqual(outcome, { ok: false, reason: 'UnauthorizedOperation: so sorry' })
  assert.equal(orders.length, 1)
})

test('a machine that stops is not taken for one that serves the node, and is removed with it', async () => {
  const stopped = { id: 'i-old', node: 'c1', isUp: false }
  const { create, orders, terminated } = createEc2(() => undefined, [stopped])
  await create().start(['c1'], options)
  assert.equal(orders.length, 1)
  await create().stop(['c1'], options)
  assert.deepEqual(terminated, ['i-old'])
})

test('fills the start script with the node and the cluster', async () => {
  const { create, orders } = createEc2(() => undefined)
  await create({ userData: '#!/bin/sh\nslurmd -N {node} # {cluster}\n' }).start(['c7'], options)
  assert.equal(
    Buffer.from(orders[0]?.UserData ?? '', 'base64').toString(),
    '#!/bin/sh\nslurmd -N c7 # tests\n',
  )
})
