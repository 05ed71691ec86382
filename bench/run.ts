/**
 * `npm run bench [-- --rounds N --only PART --write]`: Atrium and its peers on this machine, the same scripts, one after the other in every
 * round. Prints the table; `--write` also puts it into docs/performance.md with its JSON in bench/results/.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { benchEdge } from './edge/bench-edge.ts'
import { benchHub } from './hub/bench-hub.ts'
import { type Measurement, renderMeasurements } from './measurement.ts'
import { benchScheduler } from './scheduler/bench-scheduler.ts'

const root = join(import.meta.dirname, '..')
const parts: Readonly<Record<string, (options: { rounds: number }) => Promise<readonly Measurement[]>>> = {
  hub: benchHub,
  edge: benchEdge,
  scheduler: benchScheduler,
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const measurements: Measurement[] = []
for (const [name, bench] of Object.entries(parts)) {
  if (values.only === undefined || values.only === name)
    measurements.push(...(await bench({ rounds: Number(values.rounds) })))
}

const table = renderMeasurements(measurements)
const result = {
  takenAt: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
  node: process.version,
  cores: cpus().length,
  memoryBytes: totalmem(),
  rounds: Number(values.rounds),
  measurements,
}
console.log(values.json ? JSON.stringify(result, undefined, 2) : table)
if (values.write) writeResult()

function writeResult(): void {
  mkdirSync(join(root, 'bench', 'results'), { recursive: true })
  writeFileSync(join(root, 'bench', 'results', 'latest.json'), `${JSON.stringify(result, undefined, 2)}\n`)
  const page = join(root, 'docs', 'performance.md')
  const [before = '', after = ''] = readFileSync(page, 'utf8').split(/<!-- table -->[\s\S]*<!-- \/table -->/)
  const caption = `${result.rounds} rounds on ${result.cores} cores, Node ${result.node.slice(1)}, commit ${result.commit}, ${result.takenAt.slice(0, 10)}; medians.`
  writeFileSync(page, `${before}<!-- table -->\n${caption}\n\n${table}\n<!-- /table -->${after}`)
}
