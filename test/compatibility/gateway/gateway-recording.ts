import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Chapter } from '../corpus/step.ts'
import type { RecordedStep } from '../replay/recording.ts'

/** The version whose answers are the reference. */
export const daskGatewayVersion = '2026.3.0'

type Steps = Readonly<Record<string, RecordedStep>>

const pathOf = ({ name }: Chapter) => join(import.meta.dirname, 'recorded', `${name}.json`)

/** What the reference answered. */
export function readGatewayRecording(chapter: Chapter): Steps {
  const { steps } = JSON.parse(readFileSync(pathOf(chapter), 'utf8')) as { steps: Steps }
  return steps
}

/** One line a step, so that a changed answer is one changed line. */
export function writeGatewayRecording(chapter: Chapter, steps: Steps): void {
  const lines = Object.entries(steps).map(
    ([name, step]) => `${JSON.stringify(name)}: ${JSON.stringify(step)}`,
  )
  const head = `{"dask-gateway-server": ${JSON.stringify(daskGatewayVersion)}, "steps": {`
  writeFileSync(pathOf(chapter), `${head}\n${lines.join(',\n')}\n}}\n`)
}
