import type { AllocatedUse } from '#scheduler/job.ts'
import type { SlurmJob } from './slurm-client.ts'

const bytes: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** What an ended job had, times how long: from its trackable resources, `cpu=2,mem=400M,node=1,gres/gpu=1`. */
export function parseAllocatedUse({ tres, startMs, endMs }: SlurmJob): AllocatedUse | undefined {
  if (tres === '' || startMs === undefined || endMs === undefined || endMs < startMs) return undefined
  const seconds = (endMs - startMs) / 1000
  const amounts = new Map(
    tres.split(',').flatMap((part) => {
      const [, name, number, unit = ''] = /^([^=]+)=([\d.]+)([KMGT]?)$/.exec(part) ?? []
      return name === undefined ? [] : [[name, Number(number) * (bytes[unit] ?? 1)] as const]
    }),
  )
  return {
    coreSeconds: (amounts.get('cpu') ?? 0) * seconds,
    gpuSeconds: (amounts.get('gres/gpu') ?? 0) * seconds,
    memoryByteSeconds: (amounts.get('mem') ?? 0) * seconds,
  }
}
