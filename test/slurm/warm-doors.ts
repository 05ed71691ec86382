import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Daemon } from '../support/cluster/daemon.ts'
import type { SlurmCluster } from './cluster.ts'

/** As the unit file has it: the node package is root's, apart from the one that the platform puts into the shared folder. */
const defaultPackage = join(import.meta.dirname, '..', '..', 'python', 'src', 'atrium_node')

/** /run is the whole machine's here, and each host needs a part of its own of it. */
const withOwnFolder = `mkdir -p /run/atrium
mountpoint -q /run/atrium || mount -t tmpfs -o mode=755 none /run/atrium
exec "$@"`

/** The warm door of a host of the test cluster, to be started. */
export function openWarmDoor(
  cluster: SlurmCluster,
  node: string,
  { prefix, nodePackage = defaultPackage }: { prefix: string; nodePackage?: string },
): Daemon {
  const program = ['/usr/bin/python3', '-I', '-S', nodePackage, 'warm_door', '--prefix', prefix]
  const log = join(cluster.dir, 'log', `${node}-warm-door.out`)
  const read = () => (existsSync(log) ? readFileSync(log, 'utf8') : '')
  let before = 0
  const isReady = () => read().slice(before).includes('is kept warm')
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
