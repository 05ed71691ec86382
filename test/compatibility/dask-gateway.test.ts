import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { startAtriumGateway } from './gateway/atrium-gateway.ts'
import { gatewayCorpus } from './gateway/corpus.ts'
import { createGatewayPlayer, type RunningGateway } from './gateway/gateway-player.ts'
import { readGatewayRecording } from './gateway/gateway-recording.ts'
import { gatewayDifferences } from './gateway/wanted-differences.ts'
import { createJudge, describeDifference } from './replay/judge.ts'
import { describeQuestion } from './replay/recording.ts'
import { readLastLines } from './replay/running-hub.ts'

const judge = createJudge(gatewayDifferences)

describe('answers what dask-gateway-server answers', () => {
  let gateway: RunningGateway | undefined
  let failed = 0

  before(async () => {
    gateway = await startAtriumGateway()
  })
  after(async () => {
    await gateway?.stop()
    if (failed > 0) console.error(readLastLines(gateway?.readLog() ?? '', 100))
  })

  for (const chapter of gatewayCorpus) {
    describe(chapter.title, () => {
      const recording = readGatewayRecording(chapter)
      let play: ReturnType<typeof createGatewayPlayer> | undefined
      before(() => {
        if (gateway !== undefined) play = createGatewayPlayer(gateway)
      })
      for (const step of chapter.steps) {
        test(step.name, async () => {
          failed += 1
          const reference = recording[step.name]
          assert.ok(play !== undefined && reference !== undefined, 'it runs and the step was recorded')
          assert.equal(reference.asked, describeQuestion(step), 'another question was recorded')
          const differences = judge.judge(chapter, step, reference, await play(step))
          assert.deepEqual(
            differences.map((one) => describeDifference(one, 'dask-gateway-server')),
            [],
            step.request,
          )
          failed -= 1
        })
      }
    })
  }
})

test('every difference from dask-gateway-server that is wanted occurs', () => {
  assert.deepEqual(judge.listUnused(), [])
})
