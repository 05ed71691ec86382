import { expandHostlist } from '#platform/hostlist.ts'
import type { SlurmJob } from './slurm-client.ts'

/** What sacct(1) is asked for: fields that no user can put a `|` into. Stable from version to version, which its JSON is not. */
export const accountingFields = [
  'JobID',
  'State',
  'ExitCode',
  'Submit',
  'Start',
  'End',
  'NNodes',
  'AllocTRES',
  'Reason',
  'UID',
  'GID',
  'User',
  'Partition',
  'NodeList',
] as const

/** `sacct --parsable2 --noheader --allocations` with these fields, times as seconds since the epoch. */
export function parseAccounting(text: string): readonly SlurmJob[] {
  const lines = text.split('\n').filter((line) => line !== '')
  // After a requeue under the same id the last line is the last run.
  const byRef = new Map(lines.flatMap((line) => parseLine(line)).map((job) => [job.ref, job]))
  return [...byRef.values()]
}

function parseLine(line: string): SlurmJob[] {
  const [
    ref = '',
    state = '',
    exit = '',
    submit,
    start,
    end,
    nodes,
    tres,
    reason,
    uid,
    gid,
    user,
    partition,
    nodeList,
  ] = line.split('|')
  if (!/^\d+(_\d+)?$/.test(ref)) return []
  const [exitCode, signal] = exit.split(':').map(Number)
  // `CANCELLED by 1000`
  const [word = 'UNKNOWN'] = state.split(' ')
  return [
    {
      ref,
      name: '',
      comment: '',
      uid: Number(uid),
      gid: Number(gid),
      login: user ?? '',
      states: [word],
      reason: reason ?? '',
      partition: partition ?? '',
      nodeCount: Number(nodes ?? 0) || 0,
      priority: 0,
      restarts: 0,
      tres: tres ?? '',
      ...findFirstNode(nodeList ?? ''),
      ...(exitCode === undefined || Number.isNaN(exitCode) ? {} : { exitCode }),
      ...(signal === undefined || Number.isNaN(signal) || signal === 0 ? {} : { signal }),
      ...readTimes({ submitMs: submit, startMs: start, endMs: end }),
    },
  ]
}

/** Where its batch step ran: the first of `n[1-2]`. Nothing of `None assigned`. */
export function findFirstNode(nodeList: string): { node?: string } {
  try {
    const [node] = expandHostlist(nodeList)
    return node === undefined ? {} : { node }
  } catch {
    return {}
  }
}

function readTimes<Name extends string>(
  texts: Record<Name, string | undefined>,
): Partial<Record<Name, number>> {
  const times: Partial<Record<Name, number>> = {}
  for (const name of Object.keys(texts) as Name[]) {
    const seconds = Number(texts[name])
    if (seconds > 0) times[name] = seconds * 1000
  }
  return times
}
