import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { ProgramResult } from '../support/cluster/run-program.ts'
import { getUnixAccount } from './accounts.ts'
import { type SlurmCluster, startSlurmCluster } from './cluster.ts'
import { buildLayout } from './layout.ts'
import { machineProgramOf } from './power-programs.ts'

const checkout = join(import.meta.dirname, '..', '..')

/** Slurm looks at its nodes' timeouts every now and then. */
export const patience = { deadlineMs: 60_000 }

/** A cluster whose slurmctld runs the platform's own programs when it wants nodes, or no longer. */
export interface AutoscaleSite {
  cluster: SlurmCluster
  /** Powers a cloud host on, `{node}` being its name. */
  powerOn: readonly string[]
  /** Runs one of the programs by hand, as the account slurm. */
  runProgram(
    verb: Verb,
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<ProgramResult>
  /** What makes a machine from now on, and what lists those there are. */
  configure(resume: readonly string[], list?: readonly string[]): Promise<void>
  /** Pools of another kind. */
  writePools(pools: readonly object[]): Promise<void>
  /** Puts something else in the configuration's place. */
  writeConfig(text: string): Promise<void>
  /** `message: nodes` of each line that the programs wrote. */
  readLog(): Promise<readonly string[]>
  waitForLog(line: string): Promise<void>
  /** Cloud nodes, one a line: name, state, reason. */
  sinfo(): Promise<string>
  waitForState(line: string): Promise<void>
  /** `wait-for-nodes` programs that run. */
  countWaiting(): Promise<number>
  dispose(): Promise<void>
}

const verbs = ['resume', 'suspend', 'resume-fail', 'sweep'] as const
type Verb = (typeof verbs)[number]

export async function startAutoscaleSite(name: string): Promise<AutoscaleSite> {
  const layout = buildLayout(name)
  const folder = await mkdtemp(`/var/tmp/atrium-${name}-`)
  await writePrograms(folder, layout.configFile)
  const cluster = await startSlurmCluster({
    name,
    resumeProgram: join(folder, 'resume'),
    suspendProgram: join(folder, 'suspend'),
    resumeFailProgram: join(folder, 'resume-fail'),
    resumeTimeout: 10,
    suspendTime: 3,
    extraLines: [`PrologSlurmctld=${join(folder, 'wait-for-nodes')}`],
  })
  const machine = machineProgramOf(layout)
  const writeConfig = (text: string) => writeFile(join(folder, 'atrium.yaml'), text)
  const writePools = (pools: readonly object[]) => {
    const cloud = { logFile: join(folder, 'machines.log'), pools }
    return writeConfig(JSON.stringify({ scheduler: { slurm: { cloud } } }))
  }
  const readLog = () => readMachineLog(folder)
  const sinfo = async () =>
    (await cluster.as('alice', 'sinfo', ['-h', '-N', '-p', 'cloud', '-o', '%N %t %E'])).stdout
  return {
    cluster,
    powerOn: [machine, 'on', '{node}'],
    runProgram: (verb, args = [], env = {}) => cluster.as('slurm', join(folder, verb), args, { env }),
    async configure(resume, list = ['/bin/true']) {
      const pools = [{ nodes: 'c[1-2]', command: { resume, suspend: [machine, 'off', '{node}'], list } }]
      await writePools(pools)
    },
    writePools,
    writeConfig,
    readLog,
    waitForLog: async (line) => {
      await waitFor(`the log to have: ${line}`, async () => (await readLog()).includes(line), patience)
    },
    sinfo,
    waitForState: async (line) => {
      await waitFor(`sinfo to say ${line}`, async () => (await sinfo()).includes(line), patience)
    },
    async countWaiting() {
      const { stdout } = await cluster.as('root', 'ps', ['-eo', 'args'])
      return stdout.split('\n').filter((line) => line.includes(join(folder, 'wait-for-nodes'))).length
    },
    async dispose() {
      await cluster.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The programs that slurm.conf names: it has no place for arguments, and gives them an empty environment. */
async function writePrograms(folder: string, slurmConf: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const verb of verbs) {
    const script = `#!/bin/sh
exec ${process.execPath} ${checkout}/cli/bin/atrium.mjs slurm ${verb} --config ${folder}/atrium.yaml "$@"
`
    await writeFile(join(folder, verb), script, { mode: 0o755 })
  }
  const wait = await readFile(join(checkout, 'deploy/slurm/wait-for-nodes'), 'utf8')
  const script = wait.replace('\n', `\nexport SLURM_CONF=${slurmConf}\n`)
  await writeFile(join(folder, 'wait-for-nodes'), script, { mode: 0o755 })
  const { uid, gid } = getUnixAccount('slurm')
  await writeFile(join(folder, 'machines.log'), '')
  await chown(join(folder, 'machines.log'), uid, gid)
}

async function readMachineLog(folder: string): Promise<readonly string[]> {
  const lines = (await readFile(join(folder, 'machines.log'), 'utf8')).trim().split('\n')
  return lines.map((line) => {
    const { msg, nodes, node } = JSON.parse(line || '{}') as { msg?: string; nodes?: string[]; node?: string }
    return `${msg}: ${nodes ?? node}`
  })
}
