import { createServer, type Server } from 'node:http'
import { createServer as createNetServer } from 'node:net'

import type { MemoryProcess, MemoryProgram } from './memory-run.ts'

const pauseMs = 5

/** The conformance suite's programs, and what else tests need, as functions. */
export const memoryPrograms = {
  succeed(process) {
    process.print('hello\n')
    process.exit(0)
  },
  fail(process) {
    process.print('about to fail\n')
    process.exit(Number(process.args[0]))
  },
  crash(process) {
    process.print('about to crash\n')
    process.crash('SIGKILL')
  },
  wait(process) {
    process.print('waiting\n')
    process.onTerminate(() => {
      process.print('bye\n')
      process.exit(0)
    })
  },
  stubborn(process) {
    process.print('waiting\n')
    process.onTerminate(() => {})
  },
  parent(process) {
    listen(
      process,
      createNetServer((socket) => socket.destroy()),
      process.args[0],
    )
    process.onTerminate(() => {})
  },
  context(process) {
    const { args: argv, environment, spec } = process
    const workingDirectory = spec.workingDirectory
    process.print(`${JSON.stringify({ argv, environment, workingDirectory, uid: 0, input: '' })}\n`)
    process.exit(0)
  },
  chatter: (process) => void chatter(process),
  flood(process) {
    const count = Number(process.args[0])
    process.print('0123456789'.repeat(Math.ceil(count / 10)).slice(0, count))
    process.exit(0)
  },
  serve(process) {
    for (let index = 0; index < process.args.length; index += 2) {
      const server = createServer((_, response) => response.end(process.args[index + 1]))
      listen(process, server, process.args[index])
    }
  },
  hog(process) {
    process.print(`survived ${process.args[0]}\n`)
    process.exit(0)
  },
  burn(process) {
    process.print('0.01\n')
    process.exit(0)
  },
} satisfies Readonly<Record<string, MemoryProgram>>

async function chatter(process: MemoryProcess): Promise<void> {
  for (let number = 1; number <= Number(process.args[0]); number++) {
    process.print(`line ${number}\n`)
    await process.clock.sleep(pauseMs, { signal: process.signal }).catch(() => {})
  }
  process.exit(0)
}

function listen(
  process: MemoryProcess,
  server: Server | ReturnType<typeof createNetServer>,
  port?: string,
): void {
  server.listen(Number(port), '127.0.0.1')
  process.signal.addEventListener('abort', () => server.close())
}
