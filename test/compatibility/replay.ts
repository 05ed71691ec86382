/**
 * Asks the corpus and lists what differs from the recorded answers, for a look by hand:
 * `node test/compatibility/replay.ts [--jupyterhub] [--venv DIR] [--log] [--all] [CHAPTER ...]`. `--jupyterhub` asks the real one, which must
 * answer what was recorded; `--all` lists wanted differences too; `--log` shows the hub's log at the end.
 */
import { parseArgs } from 'node:util'

import { createAtrium } from './atrium.ts'
import { corpus } from './corpus/corpus.ts'
import type { Chapter } from './corpus/step.ts'
import { wantedDifferences } from './differences.ts'
import { createJupyterHub } from './reference/jupyterhub.ts'
import { createJudge, describeDifference } from './replay/judge.ts'
import { createPlayer } from './replay/player.ts'
import { readRecording } from './replay/recording.ts'
import type { HubProgram } from './replay/running-hub.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jupyterhub: { type: 'boolean', default: false },
    venv: { type: 'string', default: process.env['ATRIUM_REFERENCE_VENV'] ?? '' },
    log: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
  },
})
const program: HubProgram = values.jupyterhub
  ? createJupyterHub({ venv: values.venv === '' ? undefined : values.venv })
  : createAtrium()
const judge = createJudge(values.jupyterhub || values.all ? [] : wantedDifferences)

for (const chapter of corpus) {
  if (positionals.length === 0 || positionals.includes(chapter.name)) await replayChapter(chapter)
}

async function replayChapter(chapter: Chapter): Promise<void> {
  const hub = await program.start()
  const recording = readRecording(chapter)
  let differing = 0
  try {
    const player = createPlayer(hub)
    await player.prepare(chapter)
    for (const step of chapter.steps) {
      const lines = await player.play(step).then(
        (answer) => {
          const reference = recording.steps[step.name]
          return reference === undefined
            ? ['not recorded']
            : judge.judge(chapter, step, reference, answer).map((one) => describeDifference(one))
        },
        (error: unknown) => [String(error)],
      )
      if (lines.length === 0) continue
      differing += 1
      console.log(
        [`${chapter.name}/${step.name} (${step.request})`, ...lines.map((line) => `    ${line}`)].join('\n'),
      )
    }
  } finally {
    await hub.stop()
    if (values.log) console.log(hub.readLog())
  }
  console.log(`${chapter.name}: ${chapter.steps.length} asked of ${program.name}, ${differing} differ`)
  if (differing > 0) process.exitCode = 1
}
