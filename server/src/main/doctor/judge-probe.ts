import { isOld } from './check-machine.ts'
import { type Finding, ok, problem, warn } from './finding.ts'
import type { ProbeResult, ProbeSite } from './node-probe.ts'

type Answered = Extract<ProbeResult, { outcome: 'answered' }>

/** What unmunge says of the node's credential: whose it is, or why it proves nothing. */
export type ProofOfNode = { uid: number; payload: string } | { refused: string } | { absent: string }

type JudgeSite = Pick<ProbeSite, 'owner' | 'hubUrl' | 'python' | 'shared' | 'ports'> & {
  /** The platform's own. */
  gid: number
  /** Nobody was there to answer nodes: the platform does not run, and a stand-in could not. */
  isHubAbsent: boolean
}

/** As `atrium_node/ports.py` takes them where the kernel's own range is Linux's usual one. */
const usualPorts = { first: 20_768, last: 32_767 }
/** More than this is more than the way of a message takes. */
const mostSkewSeconds = 2

/** Judges what became of a partition's probe. */
export function judgeProbe(
  partition: string,
  result: ProbeResult,
  site: JudgeSite,
  proof: ProofOfNode,
): readonly Finding[] {
  const check = `partition ${partition}`
  switch (result.outcome) {
    case 'refused':
      return [
        problem(
          check,
          `the job is refused: ${result.message}`,
          `See that ${site.owner.login} may use this partition; or look at another one: --partition NAME.`,
        ),
      ]
    case 'waiting':
      return [
        warn(
          check,
          `no node was free in time (${result.reason})`,
          'Nothing is known of its nodes. Try again later, or with --wait SECONDS.',
        ),
      ]
    case 'silent':
      return [judgeSilence(check, result, site)]
    case 'answered':
      return [
        ok(check, `${result.answer.node}, Python ${result.answer.python}`),
        ...judgeAnswer(partition, result, site, proof),
      ]
  }
}

function judgeSilence(
  check: string,
  { node = 'its node', exitCode, state }: Extract<ProbeResult, { outcome: 'silent' }>,
  { python, shared }: JudgeSite,
): Finding {
  const ways: Record<number, [string, string]> = {
    127: [
      `there is no ${python} on ${node}`,
      'Install Python there, or set scheduler.slurm.python to one that every node has.',
    ],
    2: [
      `${node} does not see ${shared.root} as this machine does`,
      'Mount the same folder under the same path on every node.',
    ],
    1: [
      `the job could not write in ${shared.logs} on ${node}`,
      'Mount it read-write on nodes, with the modes that it has here.',
    ],
  }
  const [text, mend] = ways[exitCode ?? -1] ?? [
    `the job on ${node} ended without an answer (${state}, exit status ${exitCode ?? 'unknown'})`,
    `See slurmd's log there.`,
  ]
  return problem(check, text, mend)
}

function judgeAnswer(partition: string, result: Answered, site: JudgeSite, proof: ProofOfNode): Finding[] {
  const { answer } = result
  const name = (what: string) => `${partition}: ${what}`
  return [
    ...(isOld(answer.python)
      ? [
          problem(
            name('python'),
            `Python ${answer.python} on ${answer.node}`,
            'Python 3.9 or newer is needed: set scheduler.slurm.python.',
          ),
        ]
      : []),
    judgeShared(name('shared'), result, site),
    judgeHome(name('home'), result),
    judgeMunge(name('munge'), result, proof),
    judgeClock(name('clock'), result),
    judgeHub(name('way here'), result, site),
    judgePorts(name('way there'), result, site),
    judgeLimit(name('memory limit'), result),
  ]
}

function judgeShared(check: string, { key, answer, file }: Answered, site: JudgeSite): Finding {
  if (answer.marker.text !== key) {
    const why = answer.marker.error ?? 'another file is there'
    return problem(
      check,
      `${answer.node} does not see what this machine wrote: ${why}`,
      `Mount ${site.shared.root} on nodes from the same place, under the same path.`,
    )
  }
  if (file.uid !== site.owner.uid)
    return problem(
      check,
      `what ${site.owner.login} writes on ${answer.node} belongs to uid ${file.uid} here`,
      'Give users the same uids everywhere; with NFS, no all_squash.',
    )
  if (file.gid !== site.gid)
    return problem(
      check,
      `what users write has not the group of ${site.shared.logs}, so the platform cannot read it`,
      'The file system must keep setgid on folders; with NFS, see its mount and export options.',
    )
  return ok(check, `${site.shared.root} is the same there`)
}

function judgeHome(check: string, { answer }: Answered): Finding {
  const { path, error, uid, writable } = answer.home
  if (error !== undefined)
    return problem(
      check,
      `${path} on ${answer.node}: ${error}`,
      'Mount the homes on nodes: servers start in them.',
    )
  if (uid !== answer.uid || writable !== true)
    return problem(check, `${path} on ${answer.node} is not its user's to write`, 'Give it to its user.')
  return ok(check, path)
}

function judgeMunge(check: string, { key, answer }: Answered, proof: ProofOfNode): Finding {
  const mend = `Give ${answer.node} the cluster's munge key and start munged there; its socket: scheduler.slurm.mungeSocket.`
  if ('absent' in proof) return problem(check, `${answer.node} makes no credential: ${proof.absent}`, mend)
  if ('refused' in proof)
    return problem(check, `the credential of ${answer.node} proves nothing here: ${proof.refused}`, mend)
  if (proof.payload !== key || proof.uid !== answer.uid)
    return problem(check, `the credential of ${answer.node} is somebody else's`, mend)
  return ok(check, `${answer.node} proves whose a job is`)
}

function judgeClock(check: string, { answer, startedMs, seenMs }: Answered): Finding {
  const skew = findSkew(answer.time, startedMs / 1000, seenMs / 1000)
  if (Math.abs(skew) <= mostSkewSeconds) return ok(check, 'as here')
  const direction = skew > 0 ? 'ahead' : 'behind'
  const text = `the clock of ${answer.node} is ${Math.abs(skew).toFixed(0)} s ${direction}`
  const mend = 'Run an NTP client there and here. munge refuses what is 5 minutes off, and tokens fail.'
  return Math.abs(skew) > 60 ? problem(check, text, mend) : warn(check, text, mend)
}

/** Seconds that a clock is ahead, at least: it was read some time between two readings of ours. */
export function findSkew(theirs: number, before: number, after: number): number {
  if (theirs > after) return theirs - after
  return theirs < before ? theirs - before : 0
}

function judgeHub(check: string, { answer }: Answered, site: JudgeSite): Finding {
  const { error, status, address } = answer.hub
  if (error === undefined)
    return ok(check, `${answer.node} reaches ${site.hubUrl} from ${address} (status ${status})`)
  if (site.isHubAbsent)
    return warn(
      check,
      `whether ${answer.node} reaches ${site.hubUrl} is not known: the platform does not run`,
      'Start it, and look again.',
    )
  const mend = /certificate/i.test(error)
    ? 'Set scheduler.slurm.certificates to what signed the certificate, as nodes see it.'
    : 'Set edge.host to 0.0.0.0 or to the address that nodes use, scheduler.slurm.hubUrl to that address, and let it through the firewall.'
  return problem(check, `${answer.node} does not reach ${site.hubUrl}: ${error}`, mend)
}

function judgePorts(check: string, { answer, reached }: Answered, { ports }: JudgeSite): Finding {
  if (reached.error === undefined)
    return ok(check, `ports of ${answer.node} are reached (${reached.address})`)
  const { first, last } = ports ?? usualPorts
  const mend = `Let this machine connect to ports ${first}-${last} of compute nodes: servers listen there. Or give scheduler.slurm.ports others.`
  return problem(check, `port ${answer.port} of ${reached.address} is not reached: ${reached.error}`, mend)
}

function judgeLimit(check: string, { answer }: Answered): Finding {
  if (answer.memoryLimitBytes !== null)
    return ok(check, `${Math.round(answer.memoryLimitBytes / 2 ** 20)} MiB of the 100 that were asked for`)
  return warn(
    check,
    `a job on ${answer.node} can take more memory than it asked for`,
    'Set ConstrainRAMSpace=yes in cgroup.conf, and TaskPlugin=task/cgroup.',
  )
}
