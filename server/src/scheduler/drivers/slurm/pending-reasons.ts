/** Slurm's reasons (`squeue %r`, slurm.h's job_state_reason) in words for the person who waits. Those it has not stand as they are. */
const texts: Readonly<Record<string, string>> = {
  None: 'Slurm is looking for a place.',
  Priority: 'Jobs of higher priority go first.',
  Resources: 'It is next: Slurm waits until enough cores and memory are free.',
  Dependency: 'It waits for another job to end.',
  BeginTime: 'It may not begin before a set time.',
  JobHeldUser: 'It is held by its owner: `scontrol release` lets it go on.',
  JobHeldAdmin: 'It is held by an administrator of the cluster.',
  Licenses: 'It waits for a licence.',
  PartitionDown: 'The partition is closed for now. An administrator of the cluster can open it.',
  PartitionInactive: 'The partition takes jobs but starts none for now.',
  PartitionNodeLimit: 'It asks for more nodes than the partition gives to one job.',
  PartitionTimeLimit: 'It asks for more time than the partition gives.',
  NodeDown: 'A node it needs is down.',
  ReqNodeNotAvail: 'The nodes it could run on are down, drained or reserved.',
  Reservation: 'It waits for its reservation to begin.',
  ReservationDeleted: 'Its reservation was deleted.',
  Prolog: 'The node is being prepared.',
  Cleaning: 'It ran before and is being cleaned up.',
  NodeConfig: 'No node of the partition is set up for what it asks.',
  BadConstraints: 'No node has what it asks for. Choose another profile.',
  InactiveLimit: 'It was idle for too long.',
  InvalidAccount: 'The account is not valid on this cluster.',
  InvalidQOS: 'The quality of service is not valid on this cluster.',
  AccountNotAllowed: 'The account may not use this partition.',
  AccountingPolicy: 'A limit of the account is reached.',
  JobArrayTaskLimit: 'As many of its kind run as may at once.',
  NonZeroExitCode: 'Its last run failed.',
  FrontEndDown: 'The node that serves the partition is down.',
  BurstBufferResources: 'It waits for fast storage.',
  BurstBufferStageIn: 'Its data is being copied to fast storage.',
  PowerNotAvail: 'There is not enough electric power for another node.',
  PowerReserved: 'Electric power is kept for a reservation.',
  DeadLine: 'It can no longer end before its deadline.',
  MaxRequeue: 'It was requeued too often.',
  JobLaunchFailure: 'Its start failed on the node; an administrator of the cluster can release it.',
  MaxJobsPerAccount: 'The account runs as many jobs as it may.',
}

/** `QOSMaxCpuPerUserLimit`, `AssocGrpMemLimit`: who limits, over whom, what. */
const limitPattern =
  /^(QOS|Assoc|Grp)?(Grp|Max)?([A-Za-z]*?)(Per(User|Account|Job|Node|Acct))?(Minutes|RunMinutes)?(Limit)?$/
const limited: Readonly<Record<string, string>> = {
  Cpu: 'cores',
  CPU: 'cores',
  Mem: 'memory',
  Memory: 'memory',
  GRES: 'GPUs or other devices',
  Node: 'nodes',
  Jobs: 'jobs at a time',
  Job: 'jobs at a time',
  Submit: 'submitted jobs',
  SubmitJobs: 'submitted jobs',
  Wall: 'running time',
  WallDuration: 'running time',
  Billing: 'billing units',
  License: 'licences',
  Energy: 'energy',
}

/** What a pending job waits for, in a sentence; Slurm's own word in brackets where it helps to ask an administrator. */
export function explainPending(reason: string): string {
  // `ReqNodeNotAvail, UnavailableNodes:n1`, `ReqNodeNotAvail(Unavailable:n1)`
  const [word = ''] = reason.split(/[,(]/)
  const text = Object.hasOwn(texts, word) ? texts[word] : undefined
  if (text !== undefined) return text
  const limit = explainLimit(word)
  return limit ?? `Slurm lets it wait (${word}).`
}

function explainLimit(word: string): string | undefined {
  const [, who, , what = '', , whose] = limitPattern.exec(word) ?? []
  if (who !== 'QOS' && who !== 'Assoc') return undefined
  const holder = who === 'QOS' ? 'quality of service' : 'account'
  const thing = Object.hasOwn(limited, what) ? ` of ${limited[what]}` : ''
  const subject =
    whose === undefined || whose === 'Account' || whose === 'Acct' ? '' : ` for each ${whose.toLowerCase()}`
  return `A limit${thing} of your ${holder} is reached${subject} (${word}).`
}
