import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { SlurmCluster } from './cluster.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const checkout = join(import.meta.dirname, '..', '..')
const patience = { deadlineMs: 90_000 }

/** The metadata service of a machine, as EC2 has it: nothing without a token that it gave. */
class Metadata {
  notice: string | undefined
  questions = 0
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      if (request.method === 'PUT' && request.url === '/latest/api/token') {
        response.end('a-token')
      } else if (request.headers['x-aws-ec2-metadata-token'] !== 'a-token') {
        response.writeHead(401).end()
      } else if (request.url === '/latest/meta-data/tags/instance/atrium-node') {
        response.end('c1')
      } else if (request.url === '/latest/meta-data/spot/instance-action') {
        this.questions += 1
        if (this.notice === undefined) response.writeHead(404).end()
        else response.end(this.notice)
      } else response.writeHead(404).end()
    })
  }

  async listen(host: string): Promise<string> {
    this.#server.listen(0, host)
    await once(this.#server, 'listening')
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
  }
}

describe('a spot machine that is taken back', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  const metadata = new Metadata()

  before(() => {
    cluster = openSharedSlurmCluster()
  })
  after(async () => {
    metadata.close()
    await cluster?.as('alice', 'scancel', ['--user=alice', '--partition=cloud'])
  })

  test('its jobs are queued again or end in time, no job starts there, and the node is free', async () => {
    const url = await metadata.listen(cluster.controlAddress)
    const batch = ['--parsable', '--output=/dev/null', '-p', 'cloud', '-w', 'c1']
    const script = { input: '#!/bin/sh\nsleep 600\n' }
    const moved = (await cluster.as('alice', 'sbatch', [...batch, '--requeue'], script)).stdout.trim()
    const kept = (await cluster.as('alice', 'sbatch', [...batch, '--no-requeue'], script)).stdout.trim()
    for (const job of [moved, kept])
      await waitFor(
        'both to run',
        async () => (await show(cluster, job)).includes('JobState=RUNNING'),
        patience,
      )

    const program = [`${checkout}/cli/bin/atrium.mjs`, 'slurm', 'watch-interruption']
    const watcher = cluster
      .node('c1')
      .run(process.execPath, [...program, '--metadata', url, '--every', '0.1'], { env: cluster.env })
    await waitFor('it to ask twice', () => metadata.questions > 1)
    assert.match(await show(cluster, moved), /JobState=RUNNING/)

    // What may not be queued again is left alone until shortly before.
    const time = new Date(Date.now() + 25_000).toISOString().replace(/\.\d+Z$/, 'Z')
    metadata.notice = JSON.stringify({ action: 'terminate', time })
    await waitFor('the other job to be told', async () => (await show(cluster, moved)).includes('Restarts=1'))
    assert.match(await show(cluster, kept), /JobState=RUNNING/)
    assert.match(await state(cluster), new RegExp(`DRAIN.*${time}`, 's'))
    const { code, stderr } = await watcher
    assert.equal(code, 0, stderr)
    assert.deepEqual(readLines(stderr), [
      'watching c1',
      `the job is queued again c1 ${moved}`,
      `the job cannot be queued again c1 ${kept}`,
      'the machine is taken back c1',
    ])
    await waitFor('the job that stayed to lose its node', async () =>
      (await show(cluster, kept)).includes('JobState=NODE_FAIL'),
    )
    await cluster.as('alice', 'scancel', [moved])
    await waitFor(
      'the node to be free',
      async () => /State=IDLE\+CLOUD\+POWERED_DOWN /.test(await state(cluster)),
      patience,
    )
    assert.equal(cluster.node('c1').isOn(), false)
  })
})

async function show(cluster: SlurmCluster, job: string): Promise<string> {
  return (await cluster.as('alice', 'scontrol', ['show', 'job', job])).stdout
}

async function state(cluster: SlurmCluster): Promise<string> {
  return (await cluster.as('alice', 'scontrol', ['show', 'node', 'c1'])).stdout
}

/** `message node job` of each line. */
function readLines(log: string): readonly string[] {
  return log
    .trim()
    .split('\n')
    .map((line) => {
      const { msg, node, job } = JSON.parse(line) as { msg: string; node: string; job?: string }
      return [msg, node, job].filter((part) => part !== undefined).join(' ')
    })
}
