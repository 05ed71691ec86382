/** `node bench/edge/run.ts [--rounds N] [--json]`: the edge's part of the bench alone. */
import { parseArgs } from 'node:util'

import { renderMeasurements } from '../measurement.ts'
import { benchEdge } from './bench-edge.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, json: { type: 'boolean' } },
})
const measurements = await benchEdge({ rounds: Number(values.rounds) })
console.log(values.json ? JSON.stringify(measurements, undefined, 2) : renderMeasurements(measurements))
