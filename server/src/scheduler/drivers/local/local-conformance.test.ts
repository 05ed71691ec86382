import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { waitFor } from '#platform/wait-for.ts'
import { pythonProgram } from '#scheduler/conformance/programs.ts'
import { schedulerConformance } from '#scheduler/conformance/scheduler-conformance.ts'

import { buildTestSpec, createLocalSite, isAlive, testPython } from './testing.ts'

schedulerConformance('local', {
  async create() {
    const site = await createLocalSite()
    const { owner } = buildTestSpec('any', ['true'])
    const workingDirectory = join(site.dir, 'work')
    await chmod(site.dir, 0o755)
    await mkdir(workingDirectory)
    if (owner.uid !== undefined && owner.gid !== undefined)
      await chown(workingDirectory, owner.uid, owner.gid)
    return {
      scheduler: site.scheduler,
      reopen: async () => site.connect(),
      owner,
      workingDirectory,
      program: pythonProgram(testPython),
      async disconnect() {
        const pid = await site.agentPid()
        site.config.python = '/nonexistent/python'
        process.kill(pid, 'SIGKILL')
        await waitFor('the agent to be gone', () => !isAlive(pid))
        return async () => {
          site.config.python = testPython
        }
      },
      visibleText: async () => execFileSync('ps', ['-eo', 'args']).toString(),
      dispose: () => site.close(),
    }
  },
})
