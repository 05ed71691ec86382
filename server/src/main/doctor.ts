/** `atrium doctor`: whether this machine, and the cluster if there is one, can do what the configuration asks for. Runs nothing for long. */
import { parseArgs } from 'node:util'
import { checkKubernetes } from './doctor/check-kubernetes.ts'
import { checkDataFolder, checkPort, checkPython, checkSpace } from './doctor/check-machine.ts'
import { checkSlurm } from './doctor/check-slurm.ts'
import { attempt, type Finding } from './doctor/finding.ts'
import { renderFindings } from './doctor/render-findings.ts'
import { reportFailure } from './report-failure.ts'
import { readStartOptions, type StartOptions } from './start-options.ts'
import { WrongUsage } from './wrong-usage.ts'

const { values } = parseArgs({
  options: {
    config: { type: 'string' },
    data: { type: 'string' },
    as: { type: 'string' },
    partition: { type: 'string', multiple: true, default: [] },
    wait: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
})

try {
  const findings = await examine(await readStart())
  const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length
  const sum = { problems: count('problem'), warnings: count('warning') }
  console.log(values.json ? JSON.stringify({ ...sum, findings }, undefined, 2) : renderFindings(findings))
  process.exitCode = sum.problems > 0 ? 1 : 0
} catch (error) {
  reportFailure(error, { json: values.json })
}

function readStart(): Promise<StartOptions> {
  const options = Object.entries({ config: values.config, data: values.data })
  const args = options.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
  return readStartOptions(args, process.env)
}

async function examine(start: StartOptions): Promise<readonly Finding[]> {
  const { config, data, host, port } = start
  const look = 'See what the message says.'
  const machine = await Promise.all([
    attempt('data folder', look, () => checkDataFolder(data.root)),
    attempt('disk', look, () => checkSpace('disk', data.root)),
    needsPython(config) ? checkPython(process.getuid?.() === 0 || config.scheduler.driver !== 'local') : [],
    checkPort(host, port),
  ])
  return [...machine.flat(), ...(await examineCluster(start))]
}

async function examineCluster(start: StartOptions): Promise<readonly Finding[]> {
  const patienceMs = parseWait()
  switch (start.config.scheduler.driver) {
    case 'slurm':
      return checkSlurm({ start, login: values.as, partitions: values.partition, patienceMs })
    case 'kubernetes':
      return checkKubernetes({ start, patienceMs })
    default:
      return []
  }
}

/** Pods have their images': here it runs services alone. */
function needsPython({ scheduler, services }: StartOptions['config']): boolean {
  return scheduler.driver !== 'kubernetes' || services.some(({ command }) => command !== undefined)
}

function parseWait(): number {
  const seconds = Number(values.wait)
  if (!/^\d{1,5}$/.test(values.wait)) throw new WrongUsage(`--wait ${values.wait}: seconds are expected.`)
  return seconds * 1000
}
