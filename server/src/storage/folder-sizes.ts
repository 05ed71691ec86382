import type { FileHandle } from 'node:fs/promises'

import type { Clock } from '#platform/clock.ts'
import { createTurns } from '#platform/turns.ts'

import { type FolderSize, measureFolder } from './folder-size.ts'
import { within } from './owned-folders.ts'

/** A size and when it was that. */
export interface MeasuredSize extends FolderSize {
  measuredAtMs: number
}

/** Sizes of folders, as last seen: asking is cheap, looking happens in the background, one folder at a time. */
export interface FolderSizes<Place> {
  /**
   * The last that was seen, and a reason to look again when that was long ago. A small folder's first size comes at once; undefined: it is being
   * looked at, or it is not there.
   */
  find(place: Place): Promise<MeasuredSize | undefined>
  /** Stops looking. */
  close(): void
}

export interface FolderSizesOptions<Place> {
  /** Throws where there is none. */
  open(place: Place): Promise<FileHandle>
  keyOf(place: Place): string
  clock: Clock
}

const freshMs = 60_000
const missingMs = 5000
/** Looking takes at most this share of the time. */
const restsPerLook = 20
const patienceMs = 500
const mostKnown = 10_000
const mostWaiting = 1000

interface Known {
  size?: MeasuredSize
  /** When to look again. */
  nextMs: number
  looking?: Promise<void>
}

/** See `FolderSizes`. */
export function createFolderSizes<Place>(options: FolderSizesOptions<Place>): FolderSizes<Place> {
  const { clock, keyOf } = options
  const known = new Map<string, Known>()
  const turns = createTurns({ atOnce: 1, mostWaiting })
  const ended = new AbortController()

  async function look(place: Place, entry: Known): Promise<void> {
    const beganMs = clock.monotonic()
    let restMs = freshMs
    try {
      const folder = await options.open(place)
      const size = await within(folder, () => measureFolder(folder, ended.signal))
      entry.size = { ...size, measuredAtMs: clock.now() }
    } catch {
      // It is gone, or there is none yet: what was seen before is not true any more.
      delete entry.size
      restMs = missingMs
    }
    const tookMs = clock.monotonic() - beganMs
    entry.nextMs = clock.monotonic() + Math.max(restMs, restsPerLook * tookMs)
  }

  return {
    async find(place) {
      const key = keyOf(place)
      const entry = known.get(key) ?? { nextMs: Number.NEGATIVE_INFINITY }
      // The last that was asked for is the last to be forgotten.
      known.delete(key)
      known.set(key, entry)
      for (const oldest of known.keys()) {
        if (known.size <= mostKnown) break
        known.delete(oldest)
      }
      if (entry.looking === undefined && clock.monotonic() >= entry.nextMs && !ended.signal.aborted) {
        const looking = turns.take(() => look(place, entry))
        if (looking !== undefined)
          entry.looking = looking.finally(() => {
            delete entry.looking
          })
      }
      if (entry.size === undefined && entry.looking !== undefined) {
        const late = new AbortController()
        const sleep = clock.sleep(patienceMs, { signal: late.signal }).catch(() => {})
        await Promise.race([entry.looking, sleep])
        late.abort()
      }
      return entry.size
    },
    close: () => ended.abort(),
  }
}
