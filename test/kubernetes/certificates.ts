import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { runProgram } from '../support/cluster/run-program.ts'
import type { KubernetesLayout } from './layout.ts'

/** Who has a kubeconfig, and what the API server knows them as: as kubeadm names them. */
const people = {
  admin: '/O=system:masters/CN=kubernetes-admin',
  'controller-manager': '/CN=system:kube-controller-manager',
  scheduler: '/CN=system:kube-scheduler',
  kubelet: '/O=system:nodes/CN=system:node:node1',
  proxy: '/CN=system:kube-proxy',
  'network-policies': '/O=system:masters/CN=network-policies',
  simulator: '/O=system:masters/CN=simulator',
} as const

export type KubernetesPerson = keyof typeof people

/** Good for as long as tests run. */
const days = '30'

/** Makes the cluster's certificates and kubeconfigs in `layout.certificates`. */
export async function writeCertificates(layout: KubernetesLayout): Promise<void> {
  mkdirSync(layout.certificates, { recursive: true, mode: 0o700 })
  const { node, apiServiceAddress } = layout
  await makeAuthority(layout, 'ca', '/CN=kubernetes')
  await makeAuthority(layout, 'front-proxy-ca', '/CN=front-proxy-ca')
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost', node.name]
  const addresses = [apiServiceAddress, node.address, '127.0.0.1']
  const alternatives = [
    ...names.map((name) => `DNS:${name}`),
    ...addresses.map((address) => `IP:${address}`),
  ].join()
  await makeCertificate(layout, 'apiserver', {
    subject: '/CN=kube-apiserver',
    use: 'serverAuth',
    alternatives,
  })
  await makeCertificate(layout, 'kubelet-serving', {
    subject: `/O=system:nodes/CN=system:node:${node.name}`,
    use: 'serverAuth',
    alternatives: `DNS:${node.name},IP:${node.address}`,
  })
  await makeCertificate(layout, 'apiserver-kubelet-client', {
    subject: '/O=system:masters/CN=kube-apiserver-kubelet-client',
    use: 'clientAuth',
  })
  await makeCertificate(layout, 'front-proxy-client', {
    authority: 'front-proxy-ca',
    subject: '/CN=front-proxy-client',
    use: 'clientAuth',
  })
  for (const [name, subject] of Object.entries(people)) {
    await makeCertificate(layout, name, { subject, use: 'clientAuth' })
    writeKubeconfig(layout, name)
  }
  await makeKey(layout, 'sa')
  await openssl(layout, ['ec', '-in', 'sa.key', '-pubout', '-out', 'sa.pub'])
}

export const kubeconfigOf = (layout: KubernetesLayout, person: KubernetesPerson) =>
  join(layout.certificates, `${person}.conf`)

async function openssl({ certificates }: KubernetesLayout, args: readonly string[]): Promise<void> {
  await runProgram('openssl', args, { cwd: certificates })
}

async function makeKey(layout: KubernetesLayout, name: string): Promise<void> {
  await openssl(layout, ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`])
}

async function makeAuthority(layout: KubernetesLayout, name: string, subject: string): Promise<void> {
  await makeKey(layout, name)
  await openssl(layout, [
    ...[
      'req',
      '-x509',
      '-new',
      '-key',
      `${name}.key`,
      '-subj',
      subject,
      '-days',
      days,
      '-out',
      `${name}.crt`,
    ],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature'],
  ])
}

async function makeCertificate(
  layout: KubernetesLayout,
  name: string,
  {
    authority = 'ca',
    subject,
    use,
    alternatives,
  }: { authority?: string; subject: string; use: 'serverAuth' | 'clientAuth'; alternatives?: string },
): Promise<void> {
  await makeKey(layout, name)
  const extensions = [
    'basicConstraints=CA:FALSE',
    'keyUsage=critical,digitalSignature,keyEncipherment',
    `extendedKeyUsage=${use}`,
    ...(alternatives === undefined ? [] : [`subjectAltName=${alternatives}`]),
  ]
  writeFileSync(join(layout.certificates, `${name}.ext`), extensions.join('\n'))
  await openssl(layout, ['req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`])
  await openssl(layout, [
    ...['x509', '-req', '-in', `${name}.csr`, '-CA', `${authority}.crt`, '-CAkey', `${authority}.key`],
    ...['-CAcreateserial', '-days', days, '-extfile', `${name}.ext`, '-out', `${name}.crt`],
  ])
}

/** JSON is YAML. */
function writeKubeconfig(layout: KubernetesLayout, name: string): void {
  const { certificates, apiUrl } = layout
  const read = (file: string) => readFileSync(join(certificates, file)).toString('base64')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: apiUrl, 'certificate-authority-data': read('ca.crt') } }],
    users: [
      {
        name,
        user: { 'client-certificate-data': read(`${name}.crt`), 'client-key-data': read(`${name}.key`) },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
    'current-context': 'test',
  }
  writeFileSync(join(certificates, `${name}.conf`), JSON.stringify(config), { mode: 0o600 })
}
