import { watch } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

const chunkBytes = 64 * 1024
/** inotify tells of growth at once; this is for file systems where it does not. */
const safetyPollMs = 1000

/** Where to begin, and when the job has ended so that no more will come. */
export interface ReadLogOptions {
  path: string
  /** Bytes before this have been given up; readers never see the hole. */
  start: number
  offset: number
  tailBytes?: number
  follow: boolean
  /** Settles once nothing more will be written. */
  ended: Promise<void>
  signal: AbortSignal
}

interface Cursor {
  position: number
  /** The file's, when last looked at. */
  size: number
}

/** The file's bytes in order, in bounded pieces; ends with the file, or with the job when it follows. */
export async function* readLog(options: ReadLogOptions): AsyncGenerator<Uint8Array> {
  const file = await openIfThere(options.path)
  if (!file) return
  try {
    const { size } = await file.stat()
    const wanted = options.tailBytes === undefined ? options.offset : size - options.tailBytes
    const cursor: Cursor = { position: Math.max(wanted, options.start, 0), size }
    if (!options.follow) {
      yield* readToEnd(file, cursor, options.signal)
      return
    }
    yield* followFile(file, cursor, options)
  } finally {
    await file.close()
  }
}

async function* followFile(
  file: FileHandle,
  cursor: Cursor,
  { path, ended, signal }: ReadLogOptions,
): AsyncGenerator<Uint8Array> {
  const growth = createGrowthWatch(path, ended, signal)
  try {
    for (;;) {
      const isLast = growth.hasEnded()
      yield* readToEnd(file, cursor, signal)
      // What was written before the end was known has been read now.
      if (isLast) return
      await growth.next()
      signal.throwIfAborted()
    }
  } finally {
    growth.close()
  }
}

async function* readToEnd(file: FileHandle, cursor: Cursor, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (;;) {
    signal.throwIfAborted()
    const buffer = Buffer.allocUnsafe(chunkBytes)
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, cursor.position)
    if (bytesRead === 0) {
      const { size } = await file.stat()
      const wasEmptied = size < cursor.size
      cursor.size = size
      if (!wasEmptied) return
      // To bound its size, where the file system has no holes: the job writes from the start again.
      cursor.position = 0
      continue
    }
    cursor.position += bytesRead
    cursor.size = Math.max(cursor.size, cursor.position)
    yield buffer.subarray(0, bytesRead)
  }
}

/** Wakes up when the file has grown, the job has ended, the caller has gone, or a second has passed. */
function createGrowthWatch(path: string, ended: Promise<void>, signal: AbortSignal) {
  let hasEnded = false
  let isDirty = false
  let wake = () => {}
  const stir = () => {
    isDirty = true
    wake()
  }
  const onEnd = () => {
    hasEnded = true
    stir()
  }
  ended.then(onEnd, onEnd)
  signal.addEventListener('abort', stir, { once: true })
  const timer = setInterval(stir, safetyPollMs)
  const watcher = watch(path, stir)
  watcher.on('error', () => watcher.close())
  return {
    hasEnded: () => hasEnded,
    async next(): Promise<void> {
      if (!isDirty) await new Promise<void>((resolve) => (wake = resolve))
      isDirty = false
    },
    close(): void {
      clearInterval(timer)
      watcher.close()
      signal.removeEventListener('abort', stir)
    },
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
