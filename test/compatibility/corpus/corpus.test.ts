import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { describeQuestion, readRecording } from '../replay/recording.ts'
import { corpus } from './corpus.ts'

describe('the corpus', () => {
  for (const chapter of corpus) {
    test(`${chapter.name}: every question was recorded as it is asked, and nothing else`, () => {
      const recorded = readRecording(chapter).steps
      assert.deepEqual(
        Object.entries(recorded).map(([name, { asked }]) => [name, asked]),
        chapter.steps.map((step) => [step.name, describeQuestion(step)]),
      )
    })
  }

  test('asks at least 1000 questions, many of them unauthorised or bad', () => {
    const answers = corpus.flatMap((chapter) => Object.values(readRecording(chapter).steps))
    assert.ok(answers.length >= 1000, `${answers.length} questions`)
    assert.ok(answers.filter(({ status }) => status === 403 || status === 404).length >= 250)
    assert.ok(answers.filter(({ status }) => status === 400).length >= 100)
  })
})
