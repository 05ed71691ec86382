/**
 * Names of services in a test cluster: `cluster-dns.ts CERTIFICATES ADDRESS`, on the node. Answers on UDP port 53 as CoreDNS does
 * (Kubernetes' DNS specification 1.1.0), for addresses of services alone. It asks the API server for each question, so that it never lags.
 */
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { buildDnsAnswer, readDnsQuestion } from './dns-messages.ts'

interface Service {
  spec: { clusterIP?: string }
}

interface EndpointSlices {
  items: { endpoints: { addresses: string[]; conditions?: { ready?: boolean } }[] | null }[]
}

const [certificates = '', address = ''] = process.argv.slice(2)
const read = (name: string) => readFileSync(join(certificates, name))
const agent = new Agent({
  ca: read('ca.crt'),
  cert: read('admin.crt'),
  key: read('admin.key'),
  keepAlive: true,
})

const socket = createSocket('udp4')
socket.on('message', async (message, { port, address: from }) => {
  const question = readDnsQuestion(message)
  if (question === undefined) return
  const addresses = await resolve(question.name).catch(() => 'broken' as const)
  socket.send(buildDnsAnswer(question, addresses), port, from)
})
socket.bind(53, address)

/** Undefined: there is no such name. */
async function resolve(name: string): Promise<readonly string[] | undefined> {
  const [, service = '', namespace = ''] = /^([a-z\d-]+)\.([a-z\d-]+)\.svc\.cluster\.local$/.exec(name) ?? []
  if (service === '') return undefined
  const found = await ask<Service>(`/api/v1/namespaces/${namespace}/services/${service}`)
  if (found === undefined) return undefined
  const { clusterIP } = found.spec
  if (clusterIP !== undefined && clusterIP !== 'None') return [clusterIP]
  const slices = await ask<EndpointSlices>(
    `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io/service-name=${service}`,
  )
  const ready = (slices?.items ?? [])
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses)
  // A headless service without endpoints is no name at all.
  return ready.length === 0 ? undefined : ready
}

/** Undefined: there is no such thing. */
async function ask<T>(path: string): Promise<T | undefined> {
  const { status, body } = await new Promise<{ status: number; body: string }>((done, fail) => {
    get({ host: '127.0.0.1', port: 6443, path, agent }, (answer) => {
      text(answer).then((all) => done({ status: answer.statusCode ?? 500, body: all }), fail)
    }).on('error', fail)
  })
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`${path}: ${status}`)
  return JSON.parse(body) as T
}
