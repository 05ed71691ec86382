import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Daemon } from '../support/cluster/daemon.ts'
import type { SlurmCluster } from './cluster.ts'

/** As the unit file has it: the node package is root's, apart from the one that the platform puts into the shared folder. */
const defaultPackage = join(import.meta.dirname, '..', '..', 'python', 'src', 'atrium_node')

/** Of `warm_door.py`. */
const defaultSets = ['notebook', 'dask']

/** /run is the whole machine's here, and each host needs a part of its own of it. */
const withOwnFolder = `mkdir -p /run/atrium
mountpoint -q /run/atrium || mount -t tmpfs -o mode=755 none /run/atrium
exec "$@"`

/** The warm door of a host of the test cluster, to be started. */
export function openWarmDoor(
  cluster: SlurmCluster,
  node: string,
  {
    prefix,
    nodePackage = defaultPackage,
    sets,
  }: {
    prefix: string
    nodePackage?: string
    /** What of it is kept loaded. Default: all that the unit file has. */
    sets?: readonly string[]
  },
): Daemon {
  const chosen = (sets ?? []).flatMap((name) => ['--set', name])
  const program = ['/usr/bin/python3', '-I', '-S', nodePackage, 'warm_door', '--prefix', prefix, ...chosen]
  const log = join(cluster.dir, 'log', `${node}-warm-door.out`)
  const read = () => (existsSync(log) ? readFileSync(log, 'utf8') : '')
  let before = 0
  const isReady = () => read().slice(before).split('is kept warm').length > (sets ?? defaultSets).length
  const daemon = cluster
    .node(node)
    .daemon('warm-door', ['sh', '-c', withOwnFolder, 'sh', ...program], isReady)
  return {
    ...daemon,
    start() {
      before = daemon.pid() === undefined ? read().length : 0
      return daemon.start()
    },
  }
}
