import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { auditPolicy } from './audit.ts'
import type { KubernetesLayout } from './layout.ts'
import { podStages } from './simulated-nodes.ts'

export const pauseImage = 'local.test/pause:1'

type ConfigFile = 'containerd.toml' | 'kubelet.json' | 'proxy.json' | 'audit.json' | 'simulator.yaml'

/** Where each file of the cluster's configuration is. */
export const configOf = ({ dir }: Pick<KubernetesLayout, 'dir'>, file: ConfigFile) => join(dir, 'etc', file)

export const containerdSocket = '/run/containerd/containerd.sock'

/** Writes what the node's daemons are told. */
export function writeConfiguration(layout: KubernetesLayout): void {
  mkdirSync(join(layout.dir, 'etc', 'cni'), { recursive: true })
  writeFileSync(configOf(layout, 'containerd.toml'), buildContainerd(layout))
  writeFileSync(join(layout.dir, 'etc', 'cni', '10-pods.conflist'), JSON.stringify(buildPodNetwork(layout)))
  writeFileSync(configOf(layout, 'kubelet.json'), JSON.stringify(buildKubelet(layout)))
  writeFileSync(configOf(layout, 'proxy.json'), JSON.stringify(buildProxy(layout)))
  writeFileSync(configOf(layout, 'audit.json'), JSON.stringify(auditPolicy))
  writeFileSync(
    configOf(layout, 'simulator.yaml'),
    podStages.map((stage) => JSON.stringify(stage)).join('\n---\n'),
  )
  // Nobody answers there: what the node needs has an address. Pods ask `cluster-dns.ts`.
  writeFileSync(
    join(layout.dir, 'etc', 'resolv.conf'),
    'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n',
  )
}

/** `restrict_oom_score_adj`: a container that tests run in may lack CAP_SYS_RESOURCE, and then no pod would start. */
function buildContainerd({ dir }: KubernetesLayout): string {
  return `version = 2
root = "${dir}/containerd"
state = "/run/containerd"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  disable_apparmor = true
  enable_unprivileged_ports = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${dir}/etc/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`
}

/** Pods are routed, not bridged: what one sends another of the node passes the node's rules like all else. */
function buildPodNetwork({ podSubnet }: KubernetesLayout): unknown {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        // Pods are seen from outside under addresses of their own.
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: '/run/cni-ipam',
          ranges: [[{ subnet: podSubnet }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
}

function buildKubelet({ dir, certificates, cgroup, node }: KubernetesLayout): unknown {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    cgroupsPerQOS: true,
    enforceNodeAllocatable: ['pods'],
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${certificates}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${certificates}/kubelet-serving.crt`,
    tlsPrivateKeyFile: `${certificates}/kubelet-serving.key`,
    clusterDomain: 'cluster.local',
    clusterDNS: [node.address],
    resolvConf: `${dir}/etc/resolv.conf`,
    podLogsDir: '/var/log/pods',
    failSwapOn: false,
    serializeImagePulls: false,
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1Gi',
      'imagefs.available': '1Gi',
      'nodefs.inodesFree': '1%',
    },
    maxPods: 110,
    // Renewed at a quarter of it: the node is missed after ten seconds, and must not be for being busy.
    nodeLeaseDurationSeconds: 12,
    // How soon a folder is seen to be over its limit.
    volumeStatsAggPeriod: '15s',
    logging: { verbosity: 1 },
  }
}

function buildProxy({ certificates, node, podSubnet }: KubernetesLayout): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clusterCIDR: podSubnet,
    clientConnection: { kubeconfig: `${certificates}/proxy.conf` },
    // The machine's, which is not the node's to change.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    hostnameOverride: node.name,
    bindAddress: '0.0.0.0',
  }
}
