/**
 * Records what the real JupyterHub answers to the corpus: `npm run compatibility:record -- [--venv DIR] [CHAPTER ...]`.
 * Without a venv one is made from PyPI, outside of the tree, and kept for the next time.
 */
import { parseArgs } from 'node:util'

import { corpus } from './corpus/corpus.ts'
import type { Chapter } from './corpus/step.ts'
import { createJupyterHub, jupyterHubVersion } from './reference/jupyterhub.ts'
import { createPlayer } from './replay/player.ts'
import { describeQuestion, type RecordedStep, writeRecording } from './replay/recording.ts'
import { readLastLines } from './replay/running-hub.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { venv: { type: 'string', default: process.env['ATRIUM_REFERENCE_VENV'] ?? '' } },
})
const program = createJupyterHub({ venv: values.venv === '' ? undefined : values.venv })

for (const chapter of corpus) {
  if (positionals.length > 0 && !positionals.includes(chapter.name)) continue
  await recordChapter(chapter)
  console.log(`${chapter.name}: ${chapter.steps.length} answers`)
}

async function recordChapter(chapter: Chapter): Promise<void> {
  const hub = await program.start()
  try {
    const player = createPlayer(hub)
    await player.prepare(chapter)
    const steps: Record<string, RecordedStep> = {}
    for (const step of chapter.steps) {
      if (step.name in steps) throw new Error(`${chapter.name}: two steps are named "${step.name}"`)
      steps[step.name] = { asked: describeQuestion(step), ...(await player.play(step)) }
    }
    writeRecording(chapter, { jupyterhub: jupyterHubVersion, steps })
  } catch (error) {
    console.error(readLastLines(hub.readLog(), 40))
    throw error
  } finally {
    await hub.stop()
  }
}
