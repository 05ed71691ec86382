import type { RunSettings } from '#parallel/runs.ts'

/** Larger ones are better written as fewer, longer jobs; drivers split what their scheduler does not take at once. */
const arrayLimit = 10_000

/** What holds for every run. */
export function buildRunSettings({
  hubUrl,
  clientFolder,
  environmentPrefix,
}: {
  hubUrl: string
  clientFolder: string
  environmentPrefix?: string
}): RunSettings {
  return {
    ...(environmentPrefix === undefined ? {} : { environmentPrefix }),
    client: { apiUrl: hubUrl, clientFolder },
    arrayLimit,
  }
}
