import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { CommandLineError, formatCommand, parseCommand } from './command-line.ts'

describe('a command line', () => {
  const lines: [line: string, parts: string[]][] = [
    ['python solver.py --n 8', ['python', 'solver.py', '--n', '8']],
    ['  python   -c "print(\'a b\')" ', ['python', '-c', "print('a b')"]],
    ['a\'b c\'d ""', ['ab cd', '']],
    ['a\\ b "\\"\\n"', ['a b', '"\\n']],
    ['$HOME *.txt > out', ['$HOME', '*.txt', '>', 'out']],
    ['', []],
  ]
  for (const [line, parts] of lines) {
    test(`${line} has the parts ${JSON.stringify(parts)}`, () => assert.deepEqual(parseCommand(line), parts))
  }

  test('with an open quote is refused', () => {
    for (const line of ["python 'a", 'python "a', 'python \\']) {
      assert.throws(() => parseCommand(line), CommandLineError)
    }
  })

  test('is read as it was written, whatever the parts', () => {
    const command = ['python', "it's", 'a b', '', '"', '\\', '$x', 'line\nline', '-c', 'x=1']
    assert.deepEqual(parseCommand(formatCommand(command)), command)
  })
})
