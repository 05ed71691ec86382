import { join } from 'node:path'

/** Where everything of one cluster is: derived from its name alone, so that a later run finds what a killed one left. */
export interface KubernetesLayout {
  name: string
  dir: string
  /** Below each hierarchy of control groups: everything that belongs to the cluster runs in there. */
  cgroup: string
  node: { name: string; address: string }
  /** This machine as the node and its pods reach it: a control plane under test listens here. */
  controlAddress: string
  /** The plug on this machine's side. */
  link: string
  podSubnet: string
  serviceSubnet: string
  /** Of the service `kubernetes`, the first of the subnet. */
  apiServiceAddress: string
  apiUrl: string
  /** The programs, one link for each part. */
  programs: string
  certificates: string
  kubeconfig: string
  descriptionFile: string
  /** What the API server writes down: see `audit.ts`. */
  auditLog: string
  /** Held by who uses the name: another waits. */
  lockFile: string
}

const base = '/var/tmp/atrium-kubernetes'

/** Names are part of interface names (15 characters at most) and folders. */
const namePattern = /^[a-z][a-z0-9]{0,9}$/

export function buildLayout(name: string): KubernetesLayout {
  if (!namePattern.test(name)) throw new Error(`not a name of a test cluster: ${name}`)
  const dir = join(base, name)
  const number = numberOf(name)
  const address = `10.78.${number}.2`
  const certificates = join(dir, 'pki')
  return {
    name,
    dir,
    cgroup: `atrium-kubernetes-${name}`,
    node: { name: 'node1', address },
    controlAddress: `10.78.${number}.1`,
    link: `k8s-${name}`,
    podSubnet: `10.79.${number}.0/24`,
    serviceSubnet: `10.80.${number}.0/24`,
    apiServiceAddress: `10.80.${number}.1`,
    apiUrl: `https://${address}:6443`,
    programs: join(dir, 'bin'),
    certificates,
    kubeconfig: join(certificates, 'admin.conf'),
    descriptionFile: join(dir, 'cluster.json'),
    auditLog: join(dir, 'log', 'audit.log'),
    lockFile: `${dir}.lock`,
  }
}

/** 1-250, the same for the same name. */
function numberOf(name: string): number {
  let hash = 7
  for (const character of name) hash = (hash * 31 + character.charCodeAt(0)) % 250
  return hash + 1
}
