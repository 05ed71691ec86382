import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { createAtrium } from './atrium.ts'
import { corpus } from './corpus/corpus.ts'
import { wantedDifferences } from './differences.ts'
import { createJudge, describeDifference } from './replay/judge.ts'
import { createPlayer, type Player } from './replay/player.ts'
import { readRecording } from './replay/recording.ts'
import { type RunningHub, readLastLines } from './replay/running-hub.ts'

const program = createAtrium()
const judge = createJudge(wantedDifferences)

for (const chapter of corpus) {
  describe(`answers what JupyterHub answers: ${chapter.title}`, () => {
    const recording = readRecording(chapter)
    let hub: RunningHub | undefined
    let player: Player | undefined
    let failed = 0

    before(async () => {
      hub = await program.start()
      player = createPlayer(hub)
      await player.prepare(chapter)
    })

    for (const step of chapter.steps) {
      test(step.name, async () => {
        failed += 1
        const reference = recording.steps[step.name]
        assert.ok(player !== undefined && reference !== undefined, 'the hub runs and the step was recorded')
        const differences = judge.judge(chapter, step, reference, await player.play(step))
        assert.deepEqual(
          differences.map((one) => describeDifference(one)),
          [],
          step.request,
        )
        failed -= 1
      })
    }

    after(async () => {
      await hub?.stop()
      if (failed > 0) console.error(readLastLines(hub?.readLog() ?? '', 100))
    })
  })
}

test('every difference that is wanted occurs', () => {
  assert.deepEqual(judge.listUnused(), [])
})
