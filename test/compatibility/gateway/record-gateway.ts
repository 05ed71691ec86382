/**
 * Records what the real dask-gateway-server answers to the gateway's corpus: `node test/compatibility/gateway/record-gateway.ts [--venv DIR]
 * [CHAPTER ...]`. Without a venv one is made from PyPI, outside of the tree, and kept for the next time.
 */
import { parseArgs } from 'node:util'

import { describeQuestion, type RecordedStep } from '../replay/recording.ts'
import { readLastLines } from '../replay/running-hub.ts'
import { gatewayCorpus } from './corpus.ts'
import { createGatewayPlayer } from './gateway-player.ts'
import { writeGatewayRecording } from './gateway-recording.ts'
import { startReferenceGateway } from './reference-gateway.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { venv: { type: 'string' } } })

for (const chapter of gatewayCorpus) {
  if (positionals.length > 0 && !positionals.includes(chapter.name)) continue
  const gateway = await startReferenceGateway(values.venv)
  try {
    const play = createGatewayPlayer(gateway)
    const steps: Record<string, RecordedStep> = {}
    for (const step of chapter.steps)
      steps[step.name] = { asked: describeQuestion(step), ...(await play(step)) }
    writeGatewayRecording(chapter, steps)
    console.log(`${chapter.name}: ${chapter.steps.length} answers`)
  } catch (error) {
    console.error(readLastLines(gateway.readLog(), 40))
    throw error
  } finally {
    await gateway.stop()
  }
}
