import type { JobHandle } from '#scheduler/job.ts'
import type { LogOptions } from '#scheduler/scheduler.ts'
import { observeJobs } from './observe-jobs.ts'
import { buildLogPath, isOwned, readSlurmLog } from './slurm-log.ts'
import type { SlurmSite } from './slurm-site.ts'

/** While a reader follows: how often the job's end is looked for beside what it reports itself. */
const endPaceMs = 2000
/** How soon the file is looked for after its job was given out, and at the longest. */
const filePaces = { firstMs: 20, longestMs: 1000, growth: 1.5 }

/** A job's output, by the contract of `Scheduler.logs`. */
export async function* readJobLog(
  site: SlurmSite,
  handle: JobHandle,
  { follow = false, offset = 0, tailBytes, signal }: LogOptions,
): AsyncGenerator<Uint8Array> {
  const { key } = handle
  const uid = (await site.placements.read([key])).get(key)?.uid
  if (uid === undefined) return
  const path = buildLogPath(site.config, key)
  const life = new AbortController()
  const bounds = AbortSignal.any([signal, life.signal])
  const ended = follow ? waitForEnd(site, handle, bounds) : Promise.resolve()
  // What goes wrong is asked again; a reader who has left hears of nothing.
  ended.catch(() => {})
  try {
    if (follow) await waitForFile(site, { path, uid, ended, signal: bounds })
    signal.throwIfAborted()
    const start = (await site.placements.read([key])).get(key)?.logStart ?? 0
    const range = { start, offset, ...(tailBytes === undefined ? {} : { tailBytes }) }
    yield* readSlurmLog({ path, uid, ...range, follow, ended, signal })
  } finally {
    life.abort()
  }
}

async function waitForEnd(site: SlurmSite, handle: JobHandle, signal: AbortSignal): Promise<void> {
  let wake = () => {}
  const off = site.hints.subscribe((keys) => {
    if (keys.includes(handle.key)) wake()
  })
  try {
    while (!signal.aborted) {
      const heard = new Promise<void>((resolve) => {
        wake = resolve
      })
      const state = (await observeJobs(site, [handle], { signal })).get(handle.key)?.state
      if (state === 'ended' || state === 'absent') return
      await Promise.race([heard, pause(site, endPaceMs, signal)])
    }
  } finally {
    off()
  }
}

/** Until there can be output: the job has its file, or has ended without. */
async function waitForFile(
  site: SlurmSite,
  { path, uid, ended, signal }: { path: string; uid: number; ended: Promise<void>; signal: AbortSignal },
): Promise<void> {
  let hasEnded = false
  const end = ended.then(() => {
    hasEnded = true
  })
  let paceMs = filePaces.firstMs
  while (!signal.aborted && !hasEnded && !(await isOwned(path, uid))) {
    await Promise.race([end, pause(site, paceMs, signal)])
    paceMs = Math.min(filePaces.longestMs, paceMs * filePaces.growth)
  }
}

async function pause({ clock }: SlurmSite, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, { signal }).catch(() => {})
}
