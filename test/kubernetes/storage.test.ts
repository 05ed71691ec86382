import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { systemActor } from '@atrium/server/observe/audit.ts'
import { systemClock } from '@atrium/server/platform/clock.ts'
import { createSilentLogger } from '@atrium/server/platform/log.ts'
import { createKeeperServer } from '@atrium/server/storage/keeper/keeper-server.ts'

import type { KubernetesCluster } from './cluster.ts'
import { namespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { createPeople, createStorageSite, type StorageSite } from './storage-site.ts'

/** Names that people may have, as hostile as those can be. */
const oddUser = 'ünï +x@example.org'
const oddGroup = '.. -rf $(id) "quoted" \u{1f98a}'

describe('homes and folders of groups on one volume', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: StorageSite

  before(async () => {
    cluster = openSharedKubernetesCluster()
    site = await createStorageSite(cluster, { name: 'storage-root' })
    await createPeople(site, {
      alice: ['physics'],
      bob: ['physics', oddGroup],
      carol: ['biology'],
      [oddUser]: [oddGroup],
      dave: [],
    })
  })
  after(() => site?.dispose())

  test('a home survives its pod, and is of the same user', async () => {
    const first = await site.run('alice', 'id -u; pwd; stat -c "%u:%g %a" .; echo kept > note')
    assert.equal(first, '20000\n/home/alice\n20000:20000 700\n')
    assert.equal(await site.run('alice', 'id -u; cat note'), '20000\nkept\n')
  })

  test('a group’s folder is shared by its members', async () => {
    const script =
      'umask; cd ~/shared/physics && stat -c "%g %a" . && echo "from alice" > note && mkdir deep && stat -c %a note deep'
    const said = await site.run('alice', script)
    assert.match(said, /^0007\n1900000\d+ 2770\n660\n2770\n$/)
    assert.equal(
      await site.run(
        'bob',
        'cat ~/shared/physics/note; echo more >> /shared/physics/note; echo x > ~/shared/physics/deep/y',
      ),
      'from alice\n',
    )
    assert.equal(await site.run('alice', 'cat /shared/physics/note'), 'from alice\nmore\n')
  })

  test('and closed to who is in another, by its mount and by its mode', async () => {
    await site.run('alice', 'echo x > ~/shared/physics/secret')
    const carol = await site.prepare('carol')
    const seen = await site.run('carol', 'ls /shared; ls /shared/physics 2>&1')
    assert.match(seen, /^biology\nls: .*No such file or directory\n$/)
    // Mounted by mistake, it would still be shut.
    const mounted = site.build(
      { ...carol, groups: [...(carol.groups ?? []), ...((await site.prepare('alice')).groups ?? [])] },
      'cat /shared/physics/secret 2>&1; ls /shared/physics 2>&1',
    )
    const handle = await site.jobs.submit(mounted)
    await site.jobs.until(handle, 'ended')
    assert.match(await site.readLog(handle), /^cat: .*Permission denied\nls: .*Permission denied\n$/)
  })

  test('who is in no group has nothing of it', async () => {
    assert.equal(
      await site.run('dave', 'umask; ls /shared ~/shared 2>&1 | wc -l; id -G'),
      '0077\n2\n20000\n'.replace('20000', String((await site.prepare('dave')).uid)),
    )
  })

  test('who leaves a group loses its folder at the next start', async () => {
    assert.match(await site.run('bob', 'ls ~/shared'), /physics/)
    await site.identity.groups.removeMembers('physics', ['bob'], systemActor)
    assert.doesNotMatch(await site.run('bob', 'ls ~/shared; id -G'), /physics/)
    await site.identity.groups.addMembers('physics', ['bob'], systemActor)
  })

  test('names of users and groups, whatever they are, lead nowhere else', async () => {
    const owner = await site.prepare(oddUser)
    assert.match(owner.login, /^[a-z0-9-]+$/)
    const [group] = owner.groups ?? []
    assert.equal(group?.name, oddGroup)
    assert.equal(
      await site.run(oddUser, `pwd; echo odd > /shared/${group?.folder}/note; ls ~/shared`),
      `/home/${owner.login}\n${group?.folder}\n`,
    )
    assert.equal(await site.run('bob', `cat ~/shared/${group?.folder}/note`), 'odd\n')
    const pods = await cluster.kubectl(
      'get',
      'pods',
      '--namespace',
      namespace,
      '--selector',
      site.selector,
      '--output=json',
    )
    for (const word of [oddUser, oddGroup, '$(id)', '@example']) assert.ok(!pods.includes(word), word)
  })

  test('what has taken a home’s place stops its owner’s jobs, with words, and stays as it is', async () => {
    await createPeople(site, { eve: [], mallory: [] })
    mkdirSync(join(site.root, 'homes', 'eve'))
    writeFileSync(join(site.root, 'homes', 'eve', 'file'), '')
    const refused = await site.submit(site.build(await site.prepare('eve'), 'true'))
    assert.ok(
      refused.outcome === 'rejected' && /homes\/eve belongs to user id 0/.test(refused.message),
      JSON.stringify(refused),
    )
    symlinkSync('/etc', join(site.root, 'homes', 'mallory'))
    const linked = await site.submit(site.build(await site.prepare('mallory'), 'true'))
    assert.ok(
      linked.outcome === 'rejected' && /homes\/mallory of the storage is no folder/.test(linked.message),
      JSON.stringify(linked),
    )
    rmSync(join(site.root, 'homes', 'mallory'))
  })

  test('a folder is there before its pod: the node never makes one', async () => {
    await createPeople(site, { frank: ['chemistry'] })
    assert.equal(existsSync(join(site.root, 'groups', 'chemistry')), false)
    assert.match(
      await site.run(
        'frank',
        'stat -c %U: ~ /shared/chemistry; touch ~/a /shared/chemistry/b && echo written',
      ),
      /written\n$/,
    )
    assert.notEqual(lstatSync(join(site.root, 'homes', 'frank')).uid, 0)
  })
})

describe('a volume with homes and environments', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: StorageSite
  const name = 'storage-shared'

  before(async () => {
    cluster = openSharedKubernetesCluster()
    const environments = { claim: name, subPath: 'environments', path: '/opt/environments' }
    site = await createStorageSite(cluster, { name, storage: { environments } })
    mkdirSync(join(site.root, 'environments'), { mode: 0o777 })
    writeFileSync(join(site.root, 'environments', 'note'), 'from the platform\n')
    await createPeople(site, { alice: ['physics'] })
  })
  after(() => site?.dispose())

  test('is in a pod once; the home can be written to, environments cannot', async () => {
    const script = 'echo mine > ~/note && cat ~/note /opt/environments/note; touch /opt/environments/x 2>&1'
    const handle = await site.jobs.submit(site.build(await site.prepare('alice'), script))
    await site.jobs.until(handle, 'ended')
    assert.match(await site.readLog(handle), /^mine\nfrom the platform\ntouch: .*Read-only file system\n$/)
    const claims = '--output=jsonpath={.spec.volumes[*].persistentVolumeClaim.claimName}'
    assert.equal(await cluster.kubectl('get', 'pod', handle.ref, '--namespace', namespace, claims), name)
  })
})

describe('homes made by the storage keeper', { skip: kubernetesSkipReason }, () => {
  let site: StorageSite
  let keeper: Server
  const tokenFile = join(mkdtempSync(join(tmpdir(), 'atrium-keeper-')), 'token')

  const listen = async (port: number) => {
    keeper = createKeeperServer(
      { root: site.root, tokenFile },
      { clock: systemClock, log: createSilentLogger() },
    )
    keeper.listen(port, '127.0.0.1')
    await once(keeper, 'listening')
    return (keeper.address() as AddressInfo).port
  }

  after(async () => {
    keeper?.close()
    await site?.dispose()
    rmSync(dirname(tokenFile), { recursive: true })
  })

  test('while it is away a start waits and says so; then it goes on', async () => {
    writeFileSync(tokenFile, randomBytes(24).toString('hex'))
    const port = await findFreePort()
    site = await createStorageSite(openSharedKubernetesCluster(), {
      name: 'storage-keeper',
      root: { keeper: { url: `http://127.0.0.1:${port}`, tokenFile } },
    })
    await createPeople(site, { alice: ['physics'] })
    const spec = site.build(
      await site.prepare('alice'),
      'stat -c "%u %a" ~; echo x > ~/shared/physics/file; ls ~/shared/physics',
    )
    const waiting = await site.submit(spec)
    assert.ok(
      waiting.outcome === 'delayed' && /storage keeper.*does not answer/.test(waiting.message),
      JSON.stringify(waiting),
    )
    await listen(port)
    const handle = await site.jobs.submit(spec)
    await site.jobs.until(handle, 'ended')
    assert.equal(await site.readLog(handle), '20000 700\nfile\n')
  })
})

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
