/**
 * `npm run bench [-- TABLE --rounds N --write]`: Atrium and its peers on this machine, the same scripts, one after the other in every
 * round. Prints the table; `--write` also puts it into docs/performance.md with its JSON in bench/results/.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { benchEdge } from './edge/bench-edge.ts'
import { benchHub } from './hub/bench-hub.ts'
import { benchKubernetes } from './kubernetes/bench-kubernetes.ts'
import { type Measurement, renderMeasurements } from './measurement.ts'
import { benchParallel } from './parallel/bench-parallel.ts'
import { benchTunnel } from './parallel/tunnel-throughput.ts'
import { benchScheduler } from './scheduler/bench-scheduler.ts'
import { benchSlurm, benchSlurmLab } from './slurm/bench-slurm.ts'

const root = join(import.meta.dirname, '..')

type Bench = (options: { rounds: number }) => Promise<readonly Measurement[]>

/** What is measured together and stands in one table. */
const tables: Readonly<Record<string, readonly Bench[]>> = {
  machine: [benchHub, benchEdge, benchScheduler],
  slurm: [benchSlurm],
  'slurm-lab': [benchSlurmLab],
  kubernetes: [benchKubernetes],
  parallel: [benchParallel, benchTunnel],
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const [name = 'machine', ...more] = positionals
const benches = Object.hasOwn(tables, name) ? tables[name] : undefined
if (benches === undefined || more.length > 0) {
  console.error(`npm run bench [-- ${Object.keys(tables).join('|')} --rounds N --write --json]`)
  process.exit(2)
}

const measurements: Measurement[] = []
for (const bench of benches) measurements.push(...(await bench({ rounds: Number(values.rounds) })))

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
  writeFileSync(join(root, 'bench', 'results', `${name}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
  const page = join(root, 'docs', 'performance.md')
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before = '', rest = ''] = readFileSync(page, 'utf8').split(begin)
  const [, after = ''] = rest.split(end)
  const caption = `${result.rounds} round${result.rounds === 1 ? '' : 's'} on ${result.cores} cores, Node ${result.node.slice(1)}, commit ${result.commit}, ${result.takenAt.slice(0, 10)}; medians.`
  writeFileSync(page, `${before}${begin}\n${caption}\n\n${table}\n${end}${after}`)
}
