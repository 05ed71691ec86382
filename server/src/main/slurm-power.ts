/** `atrium slurm resume|suspend|resume-fail NODES`: what slurmctld runs when it wants nodes, or no longer. `sweep`: of all pools. */
import { parseArgs } from 'node:util'

import { buildDefaultConfig } from '#config/load-config.ts'
import {
  cleanFailedNodes,
  type PowerContext,
  resumeNodes,
  suspendNodes,
  sweepMachines,
} from '#machines/power-nodes.ts'
import { createSlurmController, type SlurmController } from '#machines/slurm-controller.ts'
import { expandHostlist } from '#platform/hostlist.ts'
import type { Logger } from '#platform/log.ts'

import { createMachines } from './machine-pools.ts'
import { openPowerLog } from './power-log.ts'
import { readConfig } from './start-options.ts'

const verbs: Readonly<Record<string, (context: PowerContext, nodes: readonly string[]) => Promise<boolean>>> =
  {
    resume: resumeNodes,
    suspend: suspendNodes,
    'resume-fail': cleanFailedNodes,
    sweep: sweepMachines,
  }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { config: { type: 'string' } },
})
const [verb = '', nodes = ''] = positionals

process.exitCode = (await power(verb, nodes)) ? 0 : 1

/** A person's Ctrl-C: what runs for single nodes ends with this program, though it is in groups of its own. */
function listenForInterruption(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  return stop.signal
}

async function power(verb: string, nodes: string): Promise<boolean> {
  const environment = pickSlurmVariables(process.env)
  // With the defaults until the file is read: what is wrong with it must be told somewhere, too.
  let slurm = createSlurmController({ environment })
  let log = openPowerLog(buildDefaultConfig().scheduler.slurm.cloud.logFile, verb)
  try {
    const { cloud, commands: folder, slurmConf } = (await readConfig(values.config)).scheduler.slurm
    if (slurmConf !== undefined) environment['SLURM_CONF'] = slurmConf
    slurm = createSlurmController({ environment, ...(folder === undefined ? {} : { folder }) })
    log = openPowerLog(cloud.logFile, verb)
    const machines = createMachines(
      cloud.pools,
      once(() => slurm.clusterName()),
    )
    const run = verbs[verb]
    if (run === undefined) throw new Error(`no such command: ${verb}`)
    const wanted =
      verb === 'sweep' ? cloud.pools.flatMap((pool) => expandHostlist(pool.nodes)) : expandHostlist(nodes)
    return await run({ machines, slurm, log, signal: listenForInterruption() }, wanted)
  } catch (error) {
    log.error({ err: error, nodes }, 'nothing was done for these nodes')
    if (verb === 'resume') await giveUpAll(slurm, nodes, error, log)
    return false
  }
}

/** So that the jobs need not wait for ResumeTimeout, and `sinfo -R` says why. */
async function giveUpAll(slurm: SlurmController, nodes: string, cause: unknown, log: Logger): Promise<void> {
  try {
    await slurm.setDown(
      expandHostlist(nodes),
      `Atrium: ${cause instanceof Error ? cause.message : String(cause)}`,
    )
  } catch (error) {
    log.error({ err: error, nodes }, 'slurmctld was not told that the nodes could not be made')
  }
}

/** Where slurm.conf is, and the file in which slurmctld says which jobs want the nodes. */
function pickSlurmVariables(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    ['SLURM_CONF', 'SLURM_RESUME_FILE'].flatMap((name) => {
      const value = environment[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= ask()
    return answer
  }
}
