import { useEffect, useState } from 'react'

import { ApiError, messageOf, requestStream } from './http.ts'
import { pause } from './pause.ts'
import { readChunks } from './read-events.ts'

/** A program's output as far as it has come. */
export interface LogText {
  text: string
  /** Why there is no more. */
  error?: string
}

/** The browser keeps no more than about the last this many characters. */
const keptCharacters = 200_000
const retryMs = 1_000

/** Reads and follows the output at `url` while it is given. A broken connection is taken up again where it broke. */
export function useLogStream(url: string | undefined): LogText {
  const [log, setLog] = useState<LogText>({ text: '' })
  useEffect(() => {
    if (!url) return
    const stop = new AbortController()
    setLog({ text: '' })
    const append = (text: string) => setLog((log) => ({ text: (log.text + text).slice(-keptCharacters) }))
    followLog(url, append, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) setLog((log) => ({ ...log, error: messageOf(error) }))
    })
    return () => stop.abort()
  }, [url])
  return log
}

async function followLog(url: string, append: (text: string) => void, signal: AbortSignal): Promise<void> {
  const decoder = new TextDecoder()
  let offset = 0
  for (;;) {
    try {
      const stream = await requestStream(url, { query: { follow: true, offset }, signal })
      for await (const chunk of readChunks(stream)) {
        offset += chunk.byteLength
        append(decoder.decode(chunk, { stream: true }))
      }
      return
    } catch (error) {
      if (error instanceof ApiError && !error.isPassing) throw error
      await pause(retryMs, signal)
    }
  }
}
