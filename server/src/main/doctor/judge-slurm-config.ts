import { type Finding, ok, problem, warn } from './finding.ts'
import { judgePowerSaving } from './judge-power-saving.ts'

/** Releases between these were read or tried: the interfaces that the platform uses are in them. */
const oldest = '21.08'
const newest = '26.05'

/** Judges what `scontrol show config` prints. */
export function judgeSlurmConfig(text: string): readonly Finding[] {
  const read = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
  return [
    judgeVersion('slurmctld', read('SLURM_VERSION')),
    judgeTracking(read('ProctrackType')),
    judgeLimits(read),
    judgeConsumption(read('SelectType'), read('SelectTypeParameters')),
    judgeAccounting(read('AccountingStorageType'), read('AccountingStorageEnforce')),
    judgePrivacy(read('PrivateData')),
    judgeAge(read('MinJobAge')),
    ...judgePowerSaving(read),
  ]
}

export function judgeVersion(check: string, version: string): Finding {
  const release = /^\d+\.\d+/.exec(version)?.[0]
  if (release === undefined) return warn(check, `its version is not understood: ${version}`, 'Tell us.')
  if (isBefore(release, oldest))
    return problem(check, `Slurm ${version}`, `Slurm ${oldest} or newer is needed.`)
  if (isBefore(newest, release))
    return warn(
      check,
      `Slurm ${version}`,
      `It is newer than what was tried (${newest}): tell us how it goes.`,
    )
  return ok(check, `Slurm ${version}`)
}

function isBefore(a: string, b: string): boolean {
  const [aYear = 0, aMonth = 0] = a.split('.').map(Number)
  const [bYear = 0, bMonth = 0] = b.split('.').map(Number)
  return aYear < bYear || (aYear === bYear && aMonth < bMonth)
}

function judgeTracking(type: string): Finding {
  const check = 'ProctrackType'
  if (type === 'proctrack/cgroup') return ok(check, type)
  return warn(
    check,
    type,
    'Set ProctrackType=proctrack/cgroup: with others, processes can outlive their job.',
  )
}

function judgeLimits(read: (name: string) => string): Finding {
  const check = 'cgroup limits'
  if (!read('TaskPlugin').split(',').includes('task/cgroup')) {
    const mend =
      'Set TaskPlugin=task/cgroup,task/affinity in slurm.conf: users get what they asked for, and no more.'
    return warn(check, `jobs are not held to their cores and memory (TaskPlugin=${read('TaskPlugin')})`, mend)
  }
  const missing = ['ConstrainCores', 'ConstrainRAMSpace'].filter((name) => read(name) !== 'yes')
  if (missing.length === 0) return ok(check, 'jobs are held to their cores and memory')
  const mend = `Set ${missing.map((name) => `${name}=yes`).join(' and ')} in cgroup.conf.`
  return warn(check, `jobs are not held to what they asked for (${missing.join(', ')} is not set)`, mend)
}

function judgeConsumption(type: string, parameters: string): Finding {
  const check = 'SelectType'
  if (!/cons_(tres|res)/.test(type))
    return warn(
      check,
      type,
      'With SelectType=select/cons_tres jobs can share a node; without, each server takes one.',
    )
  if (!/MEMORY/i.test(parameters))
    return warn(
      check,
      `${type}, memory is not counted`,
      'Set SelectTypeParameters=CR_Core_Memory: else nodes can be promised more memory than they have.',
    )
  return ok(check, `${type}, ${parameters}`)
}

function judgeAccounting(type: string, enforce: string): Finding {
  const check = 'accounting'
  if (!type.includes('slurmdbd'))
    return warn(
      check,
      type || 'none',
      'Set up slurmdbd: without it there is no usage, and jobs that ended while the platform was down are told as lost.',
    )
  if (!/associations/.test(enforce))
    return warn(
      check,
      `slurmdbd; nobody's limits are enforced (AccountingStorageEnforce=${enforce || 'none'})`,
      'Set AccountingStorageEnforce=associations,limits,qos if accounts and limits are to hold.',
    )
  return ok(check, `slurmdbd, enforces ${enforce}`)
}

function judgePrivacy(data: string): Finding {
  const check = 'PrivateData'
  if (!/jobs|all/.test(data)) return ok(check, data || 'none')
  const mend =
    "Make the platform's account an operator: sacctmgr modify user ACCOUNT set AdminLevel=Operator."
  return warn(check, `${data}: only operators see other users' jobs`, mend)
}

function judgeAge(text: string): Finding {
  const check = 'MinJobAge'
  const seconds = Number(/^\d+/.exec(text)?.[0] ?? '0')
  if (seconds >= 10) return ok(check, text)
  return warn(
    check,
    text,
    'Set MinJobAge to 60 or more: ended jobs are looked for in the queue first, where it costs least.',
  )
}
