import { createServer } from 'node:net'

import { systemClock } from '#platform/clock.ts'
import type { ProgramKind } from '#scheduler/conformance/programs.ts'
import { schedulerConformance } from '#scheduler/conformance/scheduler-conformance.ts'
import { memoryPrograms } from './memory-programs.ts'
import type { MemoryProgram } from './memory-run.ts'
import { createMemoryScheduler } from './memory-scheduler.ts'
import { MemoryWorld } from './memory-world.ts'

const owner = { name: 'alice', login: 'alice', home: '/home/alice' }
const node = { name: 'node-1', pool: 'default', cpu: 1000, memoryBytes: 2 ** 40, gpu: 0 }

schedulerConformance('memory', {
  async create() {
    const world = new MemoryWorld({
      clock: systemClock,
      programs: memoryPrograms satisfies Readonly<Record<ProgramKind, MemoryProgram>>,
      nodes: [node],
      findPort: findFreePort,
    })
    return {
      scheduler: createMemoryScheduler(world),
      reopen: async () => createMemoryScheduler(world),
      owner,
      workingDirectory: '/home/alice',
      program: (kind, ...args) => [kind, ...args],
      async disconnect() {
        world.controls.unreachable = true
        return async () => {
          world.controls.unreachable = false
        }
      },
      buildPending: (spec) => ({ ...spec, resources: { cpu: 10 * node.cpu } }),
      dispose: async () => world.dispose(),
    }
  },
})

/** A port on which nobody listens now, so that programs can. */
function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}
