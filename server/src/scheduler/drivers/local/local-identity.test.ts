import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'

import { buildTestSpec, createLocalSite, isRoot, type LocalSite } from './testing.ts'

const needsRoot = isRoot ? false : 'needs root'

/** What a job is and may do, as the kernel says. That a warm start is no different is tested beside this. */
const probe = `
import json, os, resource
lines = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(json.dumps({
    "uids": os.getresuid(), "gids": os.getresgid(), "groups": sorted(os.getgroups()),
    "leads": os.getsid(0) == os.getpid() == os.getpgid(0), "umask": os.umask(0),
    "core": resource.getrlimit(resource.RLIMIT_CORE), "open": len(os.listdir("/proc/self/fd")) - 1,
    "status": {name: lines[name].strip() for name in ("NoNewPrivs", "CapInh", "CapPrm", "CapEff", "CapAmb", "SigBlk")},
    "variables": sorted(os.environ),
}))`

describe('a job is its owner and nothing more', () => {
  let site: LocalSite
  before(async () => {
    site = await createLocalSite()
  })
  after(() => site.close())

  test('identity, rights, session, files and variables', { skip: needsRoot }, async () => {
    const { owner } = buildTestSpec('any', ['true'])
    const { uid = 0, gid = 0 } = owner
    const handle = await site.run(
      buildTestSpec('identity', ['python3', '-c', probe], {
        owner: { ...owner, gids: [gid, 54_330, 54_331] },
        environment: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' },
      }),
    )
    await site.waitForEnd(handle)
    const none = '0000000000000000'
    assert.deepEqual(JSON.parse(await site.readLog(handle)), {
      uids: [uid, uid, uid],
      gids: [gid, gid, gid],
      groups: [gid, 54_330, 54_331],
      leads: true,
      umask: 0o077,
      core: [0, 0],
      open: 3,
      status: {
        NoNewPrivs: '1',
        CapInh: none,
        CapPrm: none,
        CapEff: none,
        CapAmb: none,
        SigBlk: none,
      },
      variables: ['ATRIUM_JOB', 'LC_ALL', 'PATH'],
    })
  })

  test('folders of groups are found by a link in the home, and files are made for all members', {
    skip: needsRoot,
  }, async () => {
    const { owner } = buildTestSpec('any', ['true'])
    const home = mkdtempSync('/tmp/atrium-home-')
    chownSync(home, owner.uid ?? 0, owner.gid ?? 0)
    const run = async (key: string) => {
      const handle = await site.run(
        buildTestSpec(key, ['sh', '-c', 'umask; readlink ~/shared; echo "$ATRIUM_SHARED"'], {
          owner: {
            ...{ ...owner, home, shared: '/somewhere/alice' },
            groups: [{ name: 'physics', folder: 'physics', gid: 54_330 }],
          },
          environment: { PATH: '/usr/bin:/bin', HOME: home },
        }),
      )
      await site.waitForEnd(handle)
      return site.readLog(handle)
    }
    const expected = '0007\n/somewhere/alice\n/somewhere/alice\n'
    assert.equal(await run('groups'), expected)
    // It led nowhere, as after a move of the platform's data.
    rmSync(`${home}/shared`)
    symlinkSync('/nowhere', `${home}/shared`)
    assert.equal(await run('groups-moved'), expected)
    // What its owner made of it stays.
    rmSync(`${home}/shared`)
    symlinkSync('/etc', `${home}/shared`)
    assert.equal(await run('groups-own'), '0007\n/etc\n/somewhere/alice\n')
    rmSync(home, { recursive: true })
  })

  test("others can read neither a job's variables nor its record nor its log", {
    skip: needsRoot,
  }, async () => {
    const handle = await site.run(
      buildTestSpec('private', ['sh', '-c', 'echo $$; exec sleep 1000'], {
        environment: { PATH: '/usr/bin:/bin', TOKEN: 'secret' },
      }),
    )
    const pid = (await waitFor('its pid', () => site.readLog(handle))).trim()
    execFileSync('chmod', ['755', site.dir])
    const folder = `${site.dir}/jobs`
    const paths = [
      `/proc/${pid}/environ`,
      folder,
      `${folder}/private`,
      `${folder}/private/log`,
      `${folder}/private/record.json`,
    ]
    // Opened with a flag that no folder refuses.
    const open =
      'import os, sys\nfor path in sys.argv[1:]:\n    try: os.open(path, os.O_RDONLY)\n    except PermissionError: print("refused")'
    const said = execFileSync('python3', ['-c', open, ...paths], { uid: 54_322, gid: 54_322 }).toString()
    assert.equal(said, 'refused\n'.repeat(paths.length))
    for (const path of paths.slice(1)) {
      const mode = Number.parseInt(execFileSync('stat', ['-c', '%a', path]).toString(), 8)
      assert.equal(mode & 0o077, 0, path)
    }
  })
})
