import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { ServerDetails } from '@atrium/contract/servers.ts'
import type { PlatformStatus } from '@atrium/contract/status-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { HttpBrowser } from '../real-parts/http-browser.ts'
import { executeCode, openKernel, sendCode } from '../real-parts/jupyter-socket.ts'
import { createPerson, signIn, startServer } from '../real-parts/people.ts'
import { runProgram } from '../support/cluster/run-program.ts'
import { runCli } from '../support/platform.ts'
import { getUnixAccount } from './accounts.ts'
import type { SlurmCluster } from './cluster.ts'
import { type PlatformSite, platformUser, startPlatformSite } from './platform-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const memoryMiB = 600
/** Unlike any other program's command line. */
const serviceMark = `sleep 1000.${process.pid}`
const config = {
  profiles: [{ name: 'small', cpu: 1, memory: `${memoryMiB}M`, default: true }],
  servers: { idle: { stop: false } },
  services: [
    {
      name: 'where',
      command: [
        'sh',
        '-c',
        `echo $(hostname) $(id -un) > where.new; mv where.new where; exec ${serviceMark}`,
      ],
    },
  ],
}

describe('a notebook on a Slurm cluster', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let site: PlatformSite
  let alice: HttpBrowser

  before(async () => {
    cluster = openSharedSlurmCluster()
    site = await startPlatformSite(cluster, config)
    await createPerson(site.platform, 'alice')
    alice = await signIn(site.platform, 'alice')
    await startServer(site.platform, 'alice')
  })
  after(() => site?.dispose())

  const openAlicesKernel = () => openKernel(alice, site.platform.url, 'alice')

  async function findServer(): Promise<ServerDetails> {
    const { body } = await site.platform.api<ServerDetails[]>('GET', '/api/v1/servers/alice')
    const server = body.find(({ name }) => name === '')
    assert.ok(server)
    return server
  }

  const listSlurmJobs = async () =>
    (await cluster.as('alice', 'squeue', ['--me', '-h', '-o', '%i %j %T %N'])).stdout.trim()

  test('is asked of a control plane that has no rights of its own', async () => {
    const { uid } = getUnixAccount(platformUser)
    const status = readFileSync(`/proc/${site.platform.pid}/status`, 'utf8')
    assert.match(status, new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'))
    assert.match(status, /^CapEff:\t0+$/m)
    const { body } = await site.platform.api<PlatformStatus>('GET', '/api/v1/status')
    assert.equal(body.scheduler.driver, 'slurm')
    assert.deepEqual(
      [body.scheduler.answers, body.scheduler.owners, body.scheduler.limits.memory],
      [true, true, true],
    )
  })

  test('runs as its owner on another machine, and is used through the edge', async () => {
    const lab = await alice.open('/user/alice/lab')
    assert.equal(lab.status, 200, lab.text)
    assert.match(lab.text, /jupyter-config-data/)
    const kernel = await openAlicesKernel()
    const printed = await executeCode(kernel, 'import os, socket; print(socket.gethostname(), os.getuid())')
    kernel.close()
    const [node = '', uid] = printed.trim().split(' ')
    assert.ok(cluster.nodes.some(({ name }) => name === node) && node !== hostname(), node)
    assert.equal(Number(uid), getUnixAccount('alice').uid)
    assert.equal((await findServer()).node, node)
    assert.match(await listSlurmJobs(), new RegExp(`^\\d+ atrium-server RUNNING ${node}$`))
  })

  test('has its output shown by the platform', async () => {
    const answer = await fetch(new URL('/api/v1/servers/alice/-/log', site.platform.url), {
      headers: { authorization: `Bearer ${await site.platform.adminToken()}` },
    })
    assert.match(await answer.text(), /Jupyter Server .* is running at/)
  })

  test('shows none of its secrets to anybody else', async () => {
    const token = findServerToken()
    const ofOthers = (command: string, args: readonly string[]) => cluster.as('bob', command, args)
    const id = (await listSlurmJobs()).split(' ')[0] ?? ''
    const seen = await Promise.all([
      ofOthers('scontrol', ['-dd', '-o', 'show', 'job', id]),
      cluster.as('alice', 'scontrol', ['write', 'batch_script', id, '-']),
      ofOthers('squeue', ['-h', '-a', '-O', 'All', '-j', id]),
      ofOthers('sacct', ['-a', '-P', '-o', 'ALL', '-j', id]),
      ofOthers('ps', ['axwwe']),
      ofOthers('sh', ['-c', 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null']),
      ofOthers('sh', [
        '-c',
        `cat ${site.shared}/logs/* ${site.shared}/logs 2>/dev/null; ls ${site.shared}/logs`,
      ]),
    ])
    assert.match(seen[1]?.stdout ?? '', /slurm_job/)
    for (const { stdout } of seen) assert.ok(!stdout.includes(token))
    // All that Slurm keeps: spool, state, logs and the accounting's database.
    const kept = await cluster.as('root', 'grep', ['-rlF', token, cluster.dir, '--exclude-dir', 'platform-*'])
    assert.equal(kept.stdout, '')
    const told = await cluster.as('root', 'grep', ['-rlF', token, site.shared])
    assert.equal(told.stdout, '')
    const proof = await cluster.as('root', 'grep', [
      '-rlF',
      'slurm_job',
      cluster.dir,
      '--exclude-dir',
      'platform-*',
    ])
    assert.notEqual(proof.stdout, '', 'the search finds what is there')
  })

  test('keeps what a cell takes within its limit, and says why the kernel is gone', async () => {
    const kernel = await openAlicesKernel()
    sendCode(kernel, `x = bytearray(${memoryMiB + 200} * 2**20)`)
    await kernel.find((text) => /"execution_state": ?"(autorestarting|restarting|dead)"/.test(text))
    await waitFor(
      'the server to say that memory was short',
      async () => (await findServer()).usage?.oomKills,
      {
        deadlineMs: 30_000,
      },
    )
    kernel.close()
    assert.equal((await findServer()).state, 'running')
    const other = await openAlicesKernel()
    assert.equal(await executeCode(other, 'print(6 * 7)'), '42\n')
    other.close()
  })

  test('outlives the control plane, which finds it again', async () => {
    const before = await listSlurmJobs()
    const kernel = await openAlicesKernel()
    await executeCode(kernel, 'kept = 42; print()')
    await site.platform.kill()
    assert.equal(await executeCode(kernel, 'print(kept)'), '42\n')
    const down = await runCli(['down', '--all', '--data', site.platform.data], {}, platformUser)
    assert.equal(down.code, 1)
    assert.match(down.stderr, /users’ servers run by slurm\. Start the platform/)
    assert.equal(await executeCode(kernel, 'print(kept)'), '42\n')
    await site.platform.startAgain()
    await waitFor('the server to be known', async () => (await findServer()).state === 'running')
    assert.equal(await executeCode(kernel, 'print(kept + 1)'), '43\n')
    kernel.close()
    assert.equal((await alice.open('/user/alice/lab')).status, 200)
    assert.equal(await listSlurmJobs(), before)
  })

  test('needs services that run beside the control plane, not on the cluster', async () => {
    const file = join(site.platform.data, 'where')
    await waitFor('the service', () => existsSync(file))
    assert.equal(readFileSync(file, 'utf8'), `${hostname()} ${platformUser}\n`)
  })

  test('leaves its node free when it is stopped', async () => {
    const node = (await findServer()).node ?? ''
    const stopped = await site.platform.api('DELETE', '/hub/api/users/alice/server')
    assert.ok([202, 204].includes(stopped.status), JSON.stringify(stopped))
    await waitFor('the job to leave the queue', async () => (await listSlurmJobs()) === '')
    const { stdout } = await cluster.as('bob', 'srun', ['-w', node, '--exclusive', 'hostname'])
    assert.equal(stdout.trim(), node, 'somebody else has all of it')
    assert.equal((await findServer()).state, 'stopped')
  })

  test('is refused to whom the cluster does not know, with what to do', async () => {
    await site.platform.api('POST', '/hub/api/users/stranger')
    const refused = await site.platform.api<{ message: string }>('POST', '/hub/api/users/stranger/server')
    assert.equal(refused.status, 409)
    assert.match(refused.body.message, /no account named stranger on the cluster/)
  })

  test('needs nothing here any more once no service is configured', async () => {
    const isThere = async () =>
      (await runProgram('ps', ['-u', platformUser, '-o', 'args='])).includes(serviceMark)
    assert.equal(await isThere(), true)
    await site.platform.kill()
    const file = join(site.platform.data, 'atrium.yaml')
    const { services: _, ...rest } = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify(rest))
    await site.platform.startAgain()
    await waitFor('the service to end', async () => !(await isThere()))
  })

  /** The token of alice's server, as only root and she can read it. */
  function findServerToken(): string {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const variables = readVariables(pid)
      const token = variables.find((variable) => variable.startsWith('JUPYTERHUB_API_TOKEN='))
      if (variables.includes(`JUPYTERHUB_API_URL=${site.platform.url}/hub/api`) && token !== undefined)
        return token.slice('JUPYTERHUB_API_TOKEN='.length)
    }
    throw new Error('no process has the token of the server')
  }
})

function readVariables(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}
