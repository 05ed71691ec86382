import type { Config } from '#config/schema.ts'
import { parseByteSize } from '#config/units.ts'
import type { NodePoolPlace, PulledImage } from '#scheduler/drivers/kubernetes/kubernetes-config.ts'
import { describeProviderPool } from '#scheduler/drivers/kubernetes/provider-pools.ts'

type PoolSection = Config['scheduler']['kubernetes']['nodePools'][number]

/** Pools as the driver knows them, by name: a provider's own labels and taints are in them. */
export function buildNodePools(sections: readonly PoolSection[]): Readonly<Record<string, NodePoolPlace>> {
  return Object.fromEntries(sections.map((section) => [section.name, buildNodePool(section)]))
}

function buildNodePool(section: PoolSection): NodePoolPlace {
  const { name, provider, providerName = name, nodeSelector, tolerations, spot } = section
  const { nodes, minimum, maximum, machine, placeholders } = section
  const own = provider === undefined ? undefined : describeProviderPool(provider, providerName, { spot })
  return {
    nodeSelector: { ...own?.nodeSelector, ...nodeSelector },
    tolerations: [...(own?.tolerations ?? []), ...tolerations],
    spot,
    ...(nodes === undefined ? {} : { nodes }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(machine === undefined ? {} : { machine: buildMachine(machine) }),
    ...(placeholders === undefined
      ? {}
      : {
          placeholders: {
            count: placeholders.count,
            cpu: placeholders.cpu,
            memoryBytes: parseByteSize(placeholders.memory),
          },
        }),
  }
}

function buildMachine({ cpu, memory, gpu }: NonNullable<PoolSection['machine']>) {
  return { cpu, memoryBytes: parseByteSize(memory), gpu }
}

/** What nodes are to have before anybody waits: as configured, else the image of all jobs, and those of profiles where these run. */
export function listPulledImages(
  { prePull: { enabled, images }, image }: Config['scheduler']['kubernetes'],
  profiles: Config['profiles'],
): readonly PulledImage[] {
  if (!enabled) return []
  if (images.length > 0) return images.map((name) => ({ image: name }))
  return [
    ...(image === undefined ? [] : [{ image }]),
    ...profiles.flatMap(({ image: own, nodePool }) =>
      own === undefined ? [] : [{ image: own, ...(nodePool === undefined ? {} : { nodePool }) }],
    ),
  ]
}

type ClassNames = Config['scheduler']['kubernetes']['priorityClasses']

/** Those that have one. */
export function pickNames({ server, batch, preemptible, placeholder }: ClassNames) {
  return {
    ...(server === undefined ? {} : { server }),
    ...(batch === undefined ? {} : { batch }),
    ...(preemptible === undefined ? {} : { preemptible }),
    ...(placeholder === undefined ? {} : { placeholder }),
  }
}
