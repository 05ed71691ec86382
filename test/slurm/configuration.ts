import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

import { findUnixAccount, getUnixAccount } from './accounts.ts'
import type { SlurmHostDescription, SlurmLayout } from './layout.ts'

/** What differs from one test's cluster to another's. */
export interface SlurmSettings {
  /** Seconds a finished job stays in the queue before only accounting knows it. */
  minJobAge: number
  /** Seconds a cloud node idles before it is powered off. */
  suspendTime: number
  /** Seconds a cloud node has to answer. */
  resumeTimeout: number
  /** Programs that power cloud nodes on and off; default: the cluster's own. */
  resumeProgram: string
  suspendProgram: string
  resumeFailProgram: string
  /** More than this machine has: for jobs that idle; cores are not kept apart then. */
  coresOfHost: number
  /** Lines added to slurm.conf. */
  extraLines: readonly string[]
}

/** Writes all files of `etc/` and makes the folders that daemons write to, each its account's own. */
export function writeConfiguration(layout: SlurmLayout, settings: SlurmSettings): void {
  const slurm = getUnixAccount('slurm')
  const { dir, configFolder: etc } = layout
  for (const folder of [dir, etc, join(dir, 'run'), join(dir, 'log')])
    mkdirSync(folder, { recursive: true, mode: 0o755 })
  for (const [folder, owner] of [
    ['state', 'slurm'],
    ['munge', 'munge'],
    ['database', 'mysql'],
  ] as const) {
    const { uid, gid } = getUnixAccount(owner)
    mkdirSync(join(dir, folder), { recursive: true, mode: 0o755 })
    chownSync(join(dir, folder), uid, gid)
  }
  // slurmctld and slurmdbd write their logs and pid files as themselves.
  for (const folder of ['log', 'run']) chmodSync(join(dir, folder), 0o1777)
  const munge = getUnixAccount('munge')
  writeOwned(join(etc, 'munge.key'), randomBytes(128), munge, 0o400)
  // Readable for the control plane under test, as a site's administrator arranges it.
  const reader = { uid: slurm.uid, gid: findUnixAccount('atrium')?.gid ?? slurm.gid }
  writeOwned(layout.jwtKeyPath, randomBytes(32), reader, 0o640)
  writeOwned(join(etc, 'slurmdbd.conf'), buildSlurmdbdConf(layout), slurm, 0o600)
  writeFileSync(layout.configFile, buildSlurmConf(layout, settings))
  writeFileSync(join(etc, 'cgroup.conf'), buildCgroupConf(settings))
  writeFileSync(join(etc, 'hosts'), buildHosts(layout))
  writeFileSync(join(etc, 'gres.conf'), 'NodeName=n3 Name=gpu Type=test File=/dev/null\n')
  writeFileSync(join(etc, 'job_submit.lua'), jobSubmitLua)
}

/** Cores that a host really has: those of this machine, at least these. */
const realCores = 2

function writeOwned(
  path: string,
  content: string | Uint8Array,
  owner: { uid: number; gid: number },
  mode: number,
): void {
  writeFileSync(path, content, { mode })
  chownSync(path, owner.uid, owner.gid)
}

/** Names of a cluster are known on its hosts, as everywhere; without, programs that ask for their own name wait for a DNS. */
function buildHosts({ hosts, controlAddress }: SlurmLayout): string {
  const lines = hosts.map(({ name, address }) => `${address} ${name}`)
  return ['127.0.0.1 localhost', `${controlAddress} ${hostname()}`, ...lines, ''].join('\n')
}

const buildCgroupConf = ({ coresOfHost }: SlurmSettings) => `CgroupPlugin=cgroup/v1
CgroupAutomount=no
CgroupMountpoint=/sys/fs/cgroup
ConstrainCores=${coresOfHost > realCores ? 'no' : 'yes'}
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
ConstrainDevices=no
AllowedRAMSpace=100
MinRAMSpace=30
`

/** A job in the partition low or high has that quality of service unless it names one: what decides who preempts whom. */
const jobSubmitLua = `function slurm_job_submit(job, partitions, uid)
  if job.qos == nil and (job.partition == 'low' or job.partition == 'high') then job.qos = job.partition end
  return slurm.SUCCESS
end
function slurm_job_modify(job, record, partitions, uid)
  return slurm.SUCCESS
end
`

function buildSlurmdbdConf({ dir, controlAddress, jwtKeyPath, mungeSocket, ports }: SlurmLayout): string {
  return `AuthType=auth/munge
AuthInfo=socket=${mungeSocket}
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=${jwtKeyPath}
DbdHost=${hostname()}
DbdAddr=${controlAddress}
DbdPort=${ports.slurmdbd}
SlurmUser=slurm
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StorageLoc=slurm_acct_db
LogFile=${dir}/log/slurmdbd.log
PidFile=${dir}/run/slurmdbd.own-pid
`
}

function buildSlurmConf(layout: SlurmLayout, settings: SlurmSettings): string {
  return [
    buildDaemonLines(layout, settings),
    buildSchedulingLines(settings),
    buildPowerLines(settings),
    ...settings.extraLines,
    ...layout.hosts.map((host) => buildNodeLine(host, layout.ports.slurmd, settings.coresOfHost)),
    partitionLines,
    '',
  ].join('\n')
}

function buildDaemonLines(
  { name, dir, controlAddress, jwtKeyPath, mungeSocket, ports }: SlurmLayout,
  { coresOfHost }: SlurmSettings,
): string {
  return `ClusterName=${name}
SlurmctldHost=${hostname()}(${controlAddress})
SlurmctldPort=${ports.slurmctld}
SlurmUser=slurm
SlurmdUser=root
PrivateData=cloud
AuthType=auth/munge
AuthInfo=socket=${mungeSocket}
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=${jwtKeyPath}
StateSaveLocation=${dir}/state
SlurmdSpoolDir=${dir}/hosts/%n/spool
SlurmctldPidFile=${dir}/run/slurmctld.own-pid
SlurmdPidFile=${dir}/run/slurmd-%n.own-pid
SlurmctldLogFile=${dir}/log/slurmctld.log
SlurmdLogFile=${dir}/log/slurmd-%n.log
SlurmctldDebug=verbose
SlurmdDebug=verbose
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=${controlAddress}
AccountingStoragePort=${ports.slurmdbd}
AccountingStoragePass=${mungeSocket}
AccountingStorageEnforce=associations,limits,qos
AccountingStorageTRES=gres/gpu
ProctrackType=proctrack/cgroup
TaskPlugin=${coresOfHost > realCores ? 'task/cgroup' : 'task/cgroup,task/affinity'}
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=2
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
MailProg=/bin/true
TreeWidth=65533`
}

function buildSchedulingLines({ minJobAge }: SlurmSettings): string {
  return `GresTypes=gpu
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=200
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
PriorityType=priority/multifactor
PriorityWeightQOS=1000
JobSubmitPlugins=lua
PreemptType=preempt/qos
PreemptMode=REQUEUE
JobRequeue=1
KillWait=3
MinJobAge=${minJobAge}`
}

function buildPowerLines(settings: SlurmSettings): string {
  return `ResumeProgram=${settings.resumeProgram}
SuspendProgram=${settings.suspendProgram}
ResumeFailProgram=${settings.resumeFailProgram}
SuspendTime=${settings.suspendTime}
SuspendTimeout=5
ResumeTimeout=${settings.resumeTimeout}
SuspendRate=0
ResumeRate=0
SuspendExcParts=main,low,high
SlurmctldParameters=idle_on_node_suspend,power_save_interval=1,power_save_min_interval=0`
}

function buildNodeLine({ name, address, kind }: SlurmHostDescription, port: number, cores: number): string {
  return [
    `NodeName=${name} NodeHostname=${name} NodeAddr=${address} Port=${port}`,
    `CPUs=${cores} CoresPerSocket=${cores} RealMemory=${2000 * cores} State=${kind === 'cloud' ? 'CLOUD' : 'UNKNOWN'}`,
    ...(name === 'n3' ? ['Gres=gpu:test:1'] : []),
  ].join(' ')
}

const partitionLines = `PartitionName=main Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP
PartitionName=low Nodes=n[1-3] PriorityTier=1 PreemptMode=REQUEUE State=UP
PartitionName=high Nodes=n[1-3] PriorityTier=10 PreemptMode=OFF State=UP
PartitionName=cloud Nodes=c[1-2] MaxTime=INFINITE State=UP`
