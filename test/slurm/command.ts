/** `node test/slurm/command.ts up|down|status [--name NAME]`: a Slurm cluster on this machine, to develop against. */
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { findLockHolder } from '../support/cluster/lock.ts'
import { runProgram } from '../support/cluster/run-program.ts'
import { detachSlurmCluster, findMachineRoom, openSlurmCluster, startSlurmCluster } from './cluster.ts'
import { buildLayout, lockFileOf } from './layout.ts'
import { findMissing } from './requirements.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string', default: 'tests' } },
})
const layout = buildLayout(values.name)

switch (positionals[0]) {
  case 'up':
    await up()
    break
  case 'down':
    await down()
    break
  case 'status':
    await status()
    break
  default:
    console.error('node test/slurm/command.ts up|down|status [--name NAME]')
    process.exitCode = 2
}

async function up(): Promise<void> {
  const missing = findMissing()
  if (missing !== undefined) {
    console.error(missing)
    process.exitCode = 1
    return
  }
  if (findLockHolder(lockFileOf(layout.name)) !== undefined && existsSync(layout.descriptionFile))
    return await status()
  await startSlurmCluster({ name: layout.name })
  detachSlurmCluster(layout.name)
  await status()
}

async function down(): Promise<void> {
  const holder = findLockHolder(lockFileOf(layout.name))
  if (holder !== undefined && holder !== findMachineRoom(layout.name)) {
    console.error(`Process ${holder} uses it, a test run most likely: end that first.`)
    process.exitCode = 1
    return
  }
  if (existsSync(layout.descriptionFile)) {
    await openSlurmCluster(JSON.parse(readFileSync(layout.descriptionFile, 'utf8'))).stop()
  }
  console.log('The cluster is gone.')
}

async function status(): Promise<void> {
  if (!existsSync(layout.descriptionFile)) {
    console.log('No cluster runs. Start one: node test/slurm/command.ts up')
    return
  }
  console.log(await runProgram('sinfo', ['--all'], { env: { SLURM_CONF: layout.configFile } }))
  console.log(`Slurm's commands, as root or as alice, bob or carol:

  export SLURM_CONF=${layout.configFile}

REST API: ${layout.restUrl} (key of its tokens: ${layout.jwtKeyPath})
Logs:     ${layout.dir}/log
Tests against this cluster instead of one of their own:

  export ATRIUM_TEST_SLURM=${layout.descriptionFile}`)
}
