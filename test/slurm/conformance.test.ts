import { before, describe } from 'node:test'

import { pythonProgram } from '@atrium/server/scheduler/conformance/programs.ts'
import { schedulerConformance } from '@atrium/server/scheduler/conformance/scheduler-conformance.ts'
import { runProgram } from '../support/cluster/run-program.ts'
import type { SlurmCluster } from './cluster.ts'
import { createDriverSite, type DriverSiteOptions, nodePython } from './driver-site.ts'
import { openRestWay } from './rest-way.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

/** Nobody's jobs of this quality of service are started. */
const closedQos = 'closed'

/** How the driver talks to Slurm; by slurmrestd alone, as where no command can be had. */
const ways: Readonly<Record<string, (cluster: SlurmCluster) => DriverSiteOptions>> = {
  slurm: () => ({}),
  'slurm by slurmrestd': (cluster) => ({
    wrapClient: ({ limits }) => ({ ...openRestWay(cluster), limits }),
  }),
}

describe('the Slurm driver', { skip: slurmSkipReason }, () => {
  before(async () => {
    const cluster = openSharedSlurmCluster()
    const manage = (...args: string[]) =>
      runProgram('sacctmgr', ['--immediate', '--quiet', ...args], {
        env: { SLURM_CONF: cluster.env.SLURM_CONF },
      })
    await manage('add', 'qos', closedQos, 'GrpJobs=0').catch(() => {})
    await manage('modify', 'user', 'alice', 'set', `qos+=${closedQos}`)
  })

  for (const [name, way] of Object.entries(ways)) {
    schedulerConformance(name, {
      batchSize: 30,
      deadlineMs: 40_000,
      async create() {
        const cluster = openSharedSlurmCluster()
        const site = await createDriverSite(cluster, way(cluster))
        return {
          scheduler: site.scheduler,
          reopen: async () => site.open(),
          owner: site.owner,
          workingDirectory: site.workingDirectory,
          program: pythonProgram(nodePython),
          async disconnect() {
            // Not killed: Slurm itself forgets jobs of the last seconds then, it writes its state down with a delay.
            await cluster.daemon('slurmctld').stop()
            return () => cluster.daemon('slurmctld').start()
          },
          buildPending: (spec) => ({ ...spec, queue: { qos: closedQos } }),
          visibleText: () => readWhatOthersSee(cluster),
          async dispose() {
            await cluster.daemon('slurmctld').start()
            await site.dispose()
          },
        }
      },
    })
  }
})

/** As bob on each host: processes, their environments, and what Slurm tells of jobs; and as root what Slurm keeps. */
async function readWhatOthersSee(cluster: SlurmCluster): Promise<string> {
  const environments = 'cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n"; ps -eo args'
  const asBob = ['setpriv', '--reuid=bob', '--regid=bob', '--clear-groups', 'sh', '-c', environments]
  const hosts = cluster.nodes.filter(({ kind }) => kind !== 'cloud')
  const [program = '', ...args] = asBob
  const onHosts = await Promise.all(hosts.map(({ name }) => cluster.node(name).run(program, args)))
  const told = await Promise.all([
    cluster.as('bob', 'scontrol', ['--details', 'show', 'job']),
    cluster.as('bob', 'squeue', ['--json']),
    cluster.as('bob', 'sacct', ['--allusers', '--json']),
  ])
  const kept = await runProgram('grep', ['-rsa', '.', `${cluster.dir}/state`, `${cluster.dir}/log`], {})
  const spools = await runProgram(
    'sh',
    ['-c', 'cat "$0"/hosts/*/spool/job*/* 2>/dev/null; true', cluster.dir],
    {},
  )
  return [...onHosts, ...told].map(({ stdout }) => stdout).join('\n') + kept + spools
}
