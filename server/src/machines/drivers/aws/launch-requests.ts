import type { RunInstancesCommandInput, Tag } from '@aws-sdk/client-ec2'

import type { AwsMachinesConfig } from './aws-provider.ts'
import { clusterTag, nodeTag } from './ec2.ts'

/** What EC2 says when another type, place or market may still have something. */
const capacityErrors: readonly string[] = [
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientFreeAddressesInSubnet',
  'InstanceLimitExceeded',
  'MaxSpotInstanceCountExceeded',
  'SpotMaxPriceTooLow',
  'UnfulfillableCapacity',
  'Unsupported',
  'VcpuLimitExceeded',
]

export function isCapacityError(error: unknown): boolean {
  return error instanceof Error && capacityErrors.includes(error.name)
}

/** The orders for one node, best first: spot before on-demand, then types, then subnets in the order of the configuration. */
export function buildLaunchRequests(
  config: AwsMachinesConfig,
  { node, cluster }: { node: string; cluster: string },
): readonly RunInstancesCommandInput[] {
  const common = buildCommonRequest(config, node, cluster)
  return marketsOf(config).flatMap((market) =>
    orAbsent(config.instanceTypes).flatMap((type) =>
      orAbsent(config.subnets).map((subnet) => ({
        ...common,
        ...market,
        ...(type === undefined
          ? {}
          : { InstanceType: type as NonNullable<RunInstancesCommandInput['InstanceType']> }),
        ...(subnet === undefined ? {} : { SubnetId: subnet }),
      })),
    ),
  )
}

function buildCommonRequest(
  config: AwsMachinesConfig,
  node: string,
  cluster: string,
): RunInstancesCommandInput {
  const tags: Tag[] = [
    ...Object.entries(config.tags).map(([Key, Value]) => ({ Key, Value })),
    { Key: 'Name', Value: `${cluster}-${node}` },
    { Key: clusterTag, Value: cluster },
    { Key: nodeTag, Value: node },
  ]
  return {
    MinCount: 1,
    MaxCount: 1,
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      { ResourceType: 'volume', Tags: tags },
    ],
    // The start script reads there which node this is; only with a token, so that no job's web request gets at it by accident.
    MetadataOptions: { HttpTokens: 'required', InstanceMetadataTags: 'enabled' },
    // A node that shuts itself down is not to be kept, and paid for, as a stopped one.
    InstanceInitiatedShutdownBehavior: 'terminate',
    ...buildTemplate(config),
    ...(config.image === undefined ? {} : { ImageId: config.image }),
    ...(config.securityGroups.length === 0 ? {} : { SecurityGroupIds: [...config.securityGroups] }),
    ...(config.instanceProfile === undefined ? {} : { IamInstanceProfile: { Name: config.instanceProfile } }),
    ...(config.userData === undefined ? {} : { UserData: fillUserData(config.userData, node, cluster) }),
  }
}

function buildTemplate({
  launchTemplate,
  launchTemplateVersion,
}: AwsMachinesConfig): Pick<RunInstancesCommandInput, 'LaunchTemplate'> {
  if (launchTemplate === undefined) return {}
  const name = launchTemplate.startsWith('lt-')
    ? { LaunchTemplateId: launchTemplate }
    : { LaunchTemplateName: launchTemplate }
  return { LaunchTemplate: { ...name, Version: launchTemplateVersion } }
}

function fillUserData(text: string, node: string, cluster: string): string {
  return Buffer.from(text.replaceAll('{node}', node).replaceAll('{cluster}', cluster)).toString('base64')
}

function marketsOf({
  market,
  maxPrice,
}: AwsMachinesConfig): readonly Pick<RunInstancesCommandInput, 'InstanceMarketOptions'>[] {
  const spot: Pick<RunInstancesCommandInput, 'InstanceMarketOptions'> = {
    InstanceMarketOptions: {
      MarketType: 'spot',
      SpotOptions: {
        SpotInstanceType: 'one-time',
        InstanceInterruptionBehavior: 'terminate',
        ...(maxPrice === undefined ? {} : { MaxPrice: maxPrice }),
      },
    },
  }
  switch (market) {
    case 'spot':
      return [spot]
    case 'spot-then-on-demand':
      return [spot, {}]
    case 'on-demand':
      return [{}]
  }
}

/** A list to choose from, or the one choice of leaving it out. */
function orAbsent(values: readonly string[]): readonly (string | undefined)[] {
  return values.length === 0 ? [undefined] : values
}
