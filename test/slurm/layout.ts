import { join } from 'node:path'

/** One machine of the cluster: a slurmd with namespaces of its own. */
export interface SlurmHostDescription {
  name: string
  /** Reached from this machine and from the other hosts. */
  address: string
  /** `static` hosts run from the start; `cloud` ones are powered on when a job needs them. */
  kind: 'static' | 'cloud'
}

/** Where everything of one cluster is: derived from its name alone, so that a later run finds what a killed one left. */
export interface SlurmLayout {
  name: string
  dir: string
  /** Below each hierarchy of control groups: everything that belongs to the cluster runs in there. */
  cgroup: string
  bridge: string
  subnet: string
  controlAddress: string
  configFolder: string
  configFile: string
  /** The cluster's own: slurmctld and slurmdbd listen on all addresses of the machine. */
  ports: { slurmctld: number; slurmd: number; slurmdbd: number; rest: number }
  restUrl: string
  jwtKeyPath: string
  mungeSocket: string
  databaseSocket: string
  descriptionFile: string
  hosts: readonly SlurmHostDescription[]
}

/** Not below /tmp: every host has its own of that. */
const base = '/var/tmp/atrium-slurm'

/** Names are part of interface names (15 characters at most) and folders. */
const namePattern = /^[a-z][a-z0-9]{0,9}$/

export function buildLayout(name: string): SlurmLayout {
  if (!namePattern.test(name)) throw new Error(`not a name of a test cluster: ${name}`)
  const dir = join(base, name)
  const number = numberOf(name)
  const subnet = `10.77.${number}`
  const firstPort = 16_000 + 10 * number
  const ports = { slurmctld: firstPort, slurmd: firstPort + 1, slurmdbd: firstPort + 2, rest: firstPort + 3 }
  const controlAddress = `${subnet}.1`
  const configFolder = join(dir, 'etc')
  return {
    name,
    dir,
    cgroup: `atrium-slurm-${name}`,
    bridge: `slurm-${name.slice(0, 9)}`,
    subnet,
    controlAddress,
    configFolder,
    configFile: join(configFolder, 'slurm.conf'),
    ports,
    restUrl: `http://${controlAddress}:${ports.rest}`,
    jwtKeyPath: join(configFolder, 'jwt.key'),
    mungeSocket: join(dir, 'munge', 'socket'),
    databaseSocket: join(dir, 'database', 'socket'),
    descriptionFile: join(dir, 'cluster.json'),
    hosts: [
      ...[1, 2, 3].map((n) => ({ name: `n${n}`, address: `${subnet}.${10 + n}`, kind: 'static' as const })),
      ...[1, 2].map((n) => ({ name: `c${n}`, address: `${subnet}.${20 + n}`, kind: 'cloud' as const })),
    ],
  }
}

export function lockFileOf(name: string): string {
  return `${base}-${name}.lock`
}

/** 1-250, the same for the same name. */
function numberOf(name: string): number {
  let hash = 7
  for (const character of name) hash = (hash * 31 + character.charCodeAt(0)) % 250
  return hash + 1
}
