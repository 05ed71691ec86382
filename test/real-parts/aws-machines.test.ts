import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { createAwsProvider } from '@atrium/server/machines/drivers/aws/aws-provider.ts'
import type { MachineProvider } from '@atrium/server/machines/machine-provider.ts'
import {
  CreateLaunchTemplateCommand,
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  type Instance,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2'

import { startTestAws, type TestAws } from '../support/moto.ts'

const region = 'eu-central-1'
/** Where the SDK looks first. */
const credentials = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']
const options = { signal: AbortSignal.timeout(120_000) }

describe('machines of EC2', () => {
  let aws: TestAws
  let client: EC2Client
  let image: string
  let subnet: string

  before(async () => {
    aws = await startTestAws()
    for (const name of credentials) process.env[name] = 'tests'
    client = new EC2Client({ region, endpoint: aws.endpoint })
    const { ImageId } = await client.send(
      new RegisterImageCommand({ Name: 'worker', RootDeviceName: '/dev/sda1' }),
    )
    image = ImageId ?? ''
    const { Subnets } = await client.send(new DescribeSubnetsCommand({}))
    subnet = Subnets?.[0]?.SubnetId ?? ''
  })
  after(async () => {
    for (const name of credentials) delete process.env[name]
    client.destroy()
    await aws.stop()
  })

  function create(
    cluster: string,
    changes: Partial<Parameters<typeof createAwsProvider>[0]> = {},
  ): MachineProvider {
    return createAwsProvider(
      {
        region,
        endpoint: aws.endpoint,
        market: 'on-demand',
        launchTemplateVersion: '$Default',
        image,
        instanceTypes: ['m5.large'],
        subnets: [subnet],
        securityGroups: [],
        tags: { team: 'physics' },
        ...changes,
      },
      { cluster: async () => cluster },
    )
  }

  async function list(cluster: string): Promise<readonly Instance[]> {
    const { Reservations } = await client.send(
      new DescribeInstancesCommand({
        Filters: [
          { Name: 'tag:atrium-cluster', Values: [cluster] },
          { Name: 'instance-state-name', Values: ['pending', 'running'] },
        ],
      }),
    )
    return (Reservations ?? []).flatMap(({ Instances }) => Instances ?? [])
  }

  test('are made once, tagged by node and cluster, and tell their addresses', async () => {
    const machines = create('once')
    const first = await machines.start(['c1', 'c2'], options)
    const second = await machines.start(['c1', 'c2'], options)
    assert.deepEqual(second, first)
    const instances = await list('once')
    assert.equal(instances.length, 2)
    for (const { Tags, PrivateIpAddress } of instances) {
      const tags = Object.fromEntries((Tags ?? []).map(({ Key, Value }) => [Key, Value]))
      const node = tags['atrium-node'] ?? ''
      assert.deepEqual(tags, {
        team: 'physics',
        Name: `once-${node}`,
        'atrium-cluster': 'once',
        'atrium-node': node,
      })
      const outcome = first.get(node)
      assert.equal(outcome?.ok === true ? outcome.address : outcome?.reason, PrivateIpAddress)
    }
  })

  test('are removed with their nodes, and only those of the cluster; twice is once', async () => {
    await create('mine').start(['c1', 'c2'], options)
    await create('other').start(['c1'], options)
    const machines = create('mine')
    const removed = await machines.stop(['c1'], options)
    assert.deepEqual(Object.fromEntries(removed), { c1: { ok: true } })
    assert.deepEqual((await machines.stop(['c1', 'c9'], options)).get('c9'), { ok: true })
    assert.equal((await list('mine')).length, 1)
    assert.equal((await list('other')).length, 1)
    assert.equal((await machines.start(['c1'], options)).get('c1')?.ok, true)
    assert.equal((await list('mine')).length, 2)
    assert.deepEqual((await machines.list?.(['c1', 'c2', 'c9'], options))?.toSorted(), ['c1', 'c2'])
  })

  test('are bought on the spot market, from a template, with the start script of the node', async () => {
    await client.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: 'workers',
        LaunchTemplateData: { ImageId: image, InstanceType: 'm5.large' },
      }),
    )
    const machines = createAwsProvider(
      {
        region,
        endpoint: aws.endpoint,
        market: 'spot',
        launchTemplate: 'workers',
        launchTemplateVersion: '$Latest',
        instanceTypes: [],
        subnets: [],
        securityGroups: [],
        userData: '#!/bin/sh\nexec slurmd -N {node}\n',
        tags: {},
      },
      { cluster: async () => 'spot' },
    )
    assert.equal((await machines.start(['c1'], options)).get('c1')?.ok, true)
    const [instance] = await list('spot')
    assert.equal(instance?.InstanceLifecycle, 'spot')
    const { UserData } = await client.send(
      new DescribeInstanceAttributeCommand({ InstanceId: instance?.InstanceId, Attribute: 'userData' }),
    )
    assert.equal(Buffer.from(UserData?.Value ?? '', 'base64').toString(), '#!/bin/sh\nexec slurmd -N c1\n')
  })

  test('fail for the nodes they cannot be made for, in the words of EC2', async () => {
    const outcome = (await create('wrong', { subnets: ['subnet-0000'] }).start(['c1'], options)).get('c1')
    assert.match(outcome?.ok === false ? outcome.reason : '', /^InvalidSubnetID\.NotFound: /)
  })
})
