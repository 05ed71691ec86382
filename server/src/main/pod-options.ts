import type { Config } from '#config/schema.ts'
import { parseByteSize } from '#config/units.ts'
import type { PodOptions, PodVolume } from '#scheduler/pod-options.ts'

type Section = NonNullable<Config['profiles'][number]['kubernetes']>

/** What a profile says of pods, in the scheduler's words. */
export function buildPodOptions(section: Section): PodOptions {
  const { nodeSelector, tolerations, sharedMemory, volumes, ...rest } = section
  return {
    ...rest,
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
    ...(tolerations.length === 0 ? {} : { tolerations }),
    ...(sharedMemory === undefined ? {} : { sharedMemoryBytes: parseByteSize(sharedMemory) }),
    ...(volumes.length === 0 ? {} : { volumes: volumes.map(buildPodVolume) }),
  }
}

/** A volume of the configuration, whose one source was checked there. */
export function buildPodVolume(volume: Section['volumes'][number]): PodVolume {
  const { name, mountPath, subPath, readOnly } = volume
  return {
    ...{ name, mountPath, readOnly, source: buildSource(volume) },
    ...(subPath === undefined ? {} : { subPath }),
  }
}

function buildSource({
  claim,
  configMap,
  secret,
  emptyDir,
}: Section['volumes'][number]): PodVolume['source'] {
  if (claim !== undefined) return { claim }
  if (configMap !== undefined) return { configMap }
  if (secret !== undefined) return { secret }
  const { size, inMemory } = emptyDir ?? {}
  return {
    emptyDir: {
      ...(size === undefined ? {} : { sizeBytes: parseByteSize(size) }),
      ...(inMemory ? { inMemory } : {}),
    },
  }
}
