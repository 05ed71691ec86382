import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { findInstallationRoot } from '#platform/installation.ts'

const helper = join(findInstallationRoot(), 'deploy', 'slurm', 'atrium-slurm-helper')
const login = `atrium-helper-${process.pid}`
const group = `${login}-g`
const keys = ['server-aaaaaaaaaaaaaaaaaaaa-1', 'server-bbbbbbbbbbbbbbbbbbbb-1']
const canRun = process.getuid?.() === 0 ? false : 'needs root'

/** Stands for sbatch and scancel: tells what it was started with. */
const mirror = `#!/usr/bin/python3 -IS
import json, os, signal, stat, sys
def ignored(): return [n for n in range(1, 32) if signal.getsignal(n) == signal.SIG_IGN and n not in (13, 25)]
fds = [n for n in map(int, os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd/%d" % n)]
print(json.dumps({"argv": sys.argv, "env": dict(os.environ), "uids": os.getresuid(), "gids": os.getresgid(),
  "groups": os.getgroups(), "cwd": os.getcwd(), "fds": fds, "stdin": sys.stdin.read(), "ignored": ignored(),
  "umask": os.umask(0), "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, []))}))
`

interface Mirrored {
  argv: string[]
  env: Record<string, string>
  uids: number[]
  gids: number[]
  groups: number[]
  cwd: string
  fds: number[]
  stdin: string
  ignored: number[]
  umask: number
  blocked: number
}

let folder = ''
let uid = 0
let gid = 0

function run(program: string, args: readonly string[], options: object = {}) {
  return spawnSync(program, args, { encoding: 'utf8', timeout: 60_000, ...options })
}

function idOf(kind: 'passwd' | 'group', name: string): number {
  return Number(run('getent', [kind, name]).stdout.split(':')[2])
}

function writeConfig(lines: readonly string[] = [], name = 'helper.conf'): string {
  const path = join(folder, name)
  writeFileSync(path, [`commands = ${folder}/bin`, ...lines, ''].join('\n'), { mode: 0o644 })
  return path
}

function ask(verb: string, request: unknown, options: { config?: string; env?: object; as?: string } = {}) {
  const input = typeof request === 'string' ? request : JSON.stringify(request)
  // A copy: other users may not be able to read this folder.
  const words = [join(folder, 'helper'), '--config', options.config ?? join(folder, 'helper.conf'), verb]
  const user = options.as
  const identity = user === undefined ? [] : ['setpriv', '--reuid', user, '--regid', user, '--init-groups']
  const [program = '', ...args] = [...identity, ...words]
  return run(program, args, { input, env: { PATH: process.env['PATH'], ...options.env } })
}

function submission(changes: object = {}): Record<string, unknown> {
  return {
    owner: { login, uid, gid },
    name: 'atrium-server',
    comment: `atrium site1 ${keys.join(' ')}`,
    command: [
      ...['/usr/bin/python3', '-I', '-S', '/shared/atrium/node/0123abcd/atrium_node', 'slurm_job'],
      ...['--url', 'https://atrium.example.org:8443', '--hub-uid', '995'],
      ...['--munge-socket', '/run/munge/munge.socket.2', ...keys],
    ],
    arraySize: 2,
    tasks: 4,
    exclusive: true,
    ...changes,
  }
}

function readMirror(answer: { stdout: string; stderr: string; status: number | null }): Mirrored {
  assert.equal(answer.status, 0, answer.stderr)
  return JSON.parse(answer.stdout)
}

function assertRefused(request: unknown, verb = 'submit', pattern = /refused/): void {
  const { status, stdout, stderr } = ask(verb, request)
  assert.equal(status, 64, `${JSON.stringify(request).slice(0, 2000)}: ${stdout}${stderr}`)
  assert.equal(stdout, '')
  assert.match(stderr, pattern)
}

describe('Slurm: the privileged helper', { skip: canRun }, () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'atrium-helper-'))
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'bin'))
    for (const name of ['sbatch', 'scancel']) {
      writeFileSync(join(folder, 'bin', name), mirror, { mode: 0o755 })
    }
    copyFileSync(helper, join(folder, 'helper'))
    run('groupadd', [group])
    run('useradd', ['-M', '-s', '/bin/sh', '-d', `/home/${login}`, '-G', group, login])
    uid = idOf('passwd', login)
    gid = idOf('group', login)
    writeConfig()
  })
  after(() => {
    run('userdel', [login])
    run('groupdel', [group])
    rmSync(folder, { recursive: true, force: true })
  })

  test('submits as the owner, with a script and arguments of its own', () => {
    const seen = readMirror(
      ask('submit', {
        ...submission(),
        nodes: 2,
        cpusPerTask: 3,
        memoryMiB: 4096,
        gres: 'gpu:a100:2,shard:1,bandwidth:lustre:4G',
        timeLimit: 60,
        partition: 'main,low',
        account: 'physics',
        qos: 'high',
        constraint: '[intel&gpu|amd*2]',
        reservation: 'course_1',
      }),
    )
    const group0 = idOf('group', group)
    assert.deepEqual(seen.uids, [uid, uid, uid])
    assert.deepEqual(seen.gids, [gid, gid, gid])
    assert.deepEqual(seen.groups.toSorted(), [gid, group0].toSorted())
    assert.deepEqual(
      seen.argv.slice(1).filter((word) => !/^--(parsable|input|error|mail-type|propagate)/.test(word)),
      [
        ...['--no-requeue', '--chdir=/', '--output=/dev/null', '--export=ALL', '--job-name=atrium-server'],
        ...[`--comment=atrium site1 ${keys.join(' ')}`, '--ntasks=4', '--nodes=2', '--cpus-per-task=3'],
        ...[
          '--mem=4096M',
          '--time=60',
          '--gres=gpu:a100:2,shard:1,bandwidth:lustre:4G',
          '--partition=main,low',
        ],
        ...['--account=physics', '--qos=high', '--constraint=[intel&gpu|amd*2]', '--reservation=course_1'],
        ...['--exclusive', '--array=0-1'],
      ],
    )
    assert.equal(
      seen.stdin,
      `#!/bin/sh\nexec '/usr/bin/python3' '-I' '-S' '/shared/atrium/node/0123abcd/atrium_node' 'slurm_job' '--url' ` +
        `'https://atrium.example.org:8443' '--hub-uid' '995' '--munge-socket' '/run/munge/munge.socket.2' '${keys.join("' '")}'\n`,
    )
  })

  test('nothing of the caller reaches the command: environment, descriptors, folder, mask, signals', () => {
    const poison = {
      ...{ LD_LIBRARY_PATH: folder, PYTHONPATH: folder, PYTHONSTARTUP: `${folder}/x.py`, BASH_ENV: '/x' },
      ...{ SLURM_CONF: '/x', SLURM_JWT: 'secret', SBATCH_EXPORT: 'ALL', SBATCH_PARTITION: 'x', ENV: '/x' },
      ...{
        IFS: 'x',
        PATH: `${folder}:/usr/bin:/bin`,
        HOME: '/root',
        TMPDIR: folder,
        USER: 'root',
        SUDO_UID: 'x',
      },
    }
    writeFileSync(join(folder, 'json.py'), 'raise SystemExit("a module of the caller")\n')
    const words = `umask 000; trap '' INT HUP QUIT; cd ${folder}; exec 7</etc/passwd; exec "$@"`
    const args = ['-c', words, 'sh', helper, '--config', join(folder, 'helper.conf'), 'submit']
    const seen = readMirror(
      run('/bin/sh', args, { input: JSON.stringify(submission()), env: { ...process.env, ...poison } }),
    )
    assert.deepEqual(seen.env, {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      ...{ HOME: `/home/${login}`, USER: login, LOGNAME: login, LANG: 'C.UTF-8' },
    })
    assert.deepEqual([seen.cwd, seen.fds, seen.umask], ['/', [0, 1, 2], 0o077])
    assert.equal(seen.blocked, 0)
    assert.ok(!seen.ignored.includes(2) && !seen.ignored.includes(1), `ignored: ${seen.ignored}`)
  })

  test('cancels as the owner', () => {
    const owner = { login, uid, gid }
    const seen = readMirror(ask('cancel', { owner, refs: ['12', '13_4'], how: 'end' }))
    assert.deepEqual([seen.uids[0], ...seen.argv.slice(1)], [uid, '12', '13_4'])
    const killing = ask('cancel', { owner, refs: ['12'], how: 'kill' })
      .stdout.trim()
      .split('\n')
    const killed: Mirrored[] = killing.map((line) => JSON.parse(line))
    assert.deepEqual(
      killed.map(({ uids, argv }) => [...uids, ...argv.slice(1)]),
      [
        [uid, uid, uid, '--signal=KILL', '--batch', '12'],
        [uid, uid, uid, '12'],
      ],
    )
    for (const refs of [
      ['1 2'],
      ['-u'],
      ['--state=R'],
      ['1;2'],
      ['0'],
      [''],
      [],
      '12',
      [12],
      ['1_'],
      ['１'],
    ]) {
      assertRefused({ owner, refs, how: 'end' }, 'cancel')
    }
    assertRefused({ owner, refs: ['1'], how: 'HUP' }, 'cancel')
    assertRefused({ owner, refs: ['1'], how: 'end', user: 'root' }, 'cancel')
  })

  test('only people have jobs, under their own uid and gid', () => {
    const refused = (owner: object) => assertRefused(submission({ owner: { login, uid, gid, ...owner } }))
    refused({ login: 'root', uid: 0, gid: 0 })
    refused({ login: 'root' })
    refused({ login: 'daemon', uid: 1, gid: 1 })
    refused({ login: 'nobody', uid: 65534, gid: 65534 })
    refused({ login: `${login}x` })
    refused({ uid: uid + 1 })
    refused({ uid: 0 })
    refused({ uid: String(uid) })
    refused({ uid: uid + 2 ** 32 })
    refused({ gid: 0 })
    refused({ gid: gid + 1 })
    refused({ shell: '/bin/sh' })
    refused({ login: undefined })
    const config = writeConfig([`min_uid = ${uid + 1}`], 'high.conf')
    assert.equal(ask('submit', submission(), { config }).status, 64)
  })

  test('only members of the configured groups', () => {
    const inside = writeConfig([`groups = nogroup,${group}`], 'inside.conf')
    assert.equal(ask('submit', submission(), { config: inside }).status, 0)
    const outside = writeConfig(['groups = nogroup'], 'outside.conf')
    assert.equal(ask('submit', submission(), { config: outside }).status, 64)
    run('usermod', ['-a', '-G', 'root', login])
    assert.equal(ask('submit', submission()).status, 64)
    run('usermod', ['-G', group, login])
    assert.equal(ask('submit', submission()).status, 0)
  })

  const hostile = [
    ...['$(touch /tmp/x)', '`id`', 'a\nb', 'a\n#SBATCH --uid=0', '../../etc/passwd', '-rf', '--uid=0', 'a b'],
    ...['x'.repeat(300), 'аccount', 'ａdmin', 'a\u202eb', "a'b", 'a"b', 'a;b', 'a&&b', 'a|b', 'a>b', 'a\\b'],
    ...['a\0b', '', ' ', '%j', '~', '*', '\n', 'main\n'],
  ]

  test('refuses hostile words in every field', () => {
    const fields = ['name', 'comment', 'partition', 'account', 'qos', 'gres', 'gpusPerTask', 'reservation']
    for (const word of hostile) for (const field of fields) assertRefused(submission({ [field]: word }))
    for (const word of hostile.filter((value) => !['a&&b', 'a|b'].includes(value))) {
      assertRefused(submission({ constraint: word }))
    }
    for (const word of hostile) assertRefused(submission({ owner: { login: word, uid, gid } }))
    for (const word of [true, 1.5, 0, -1, '1', 1e30, null, [], {}]) {
      for (const field of [
        'nodes',
        'tasks',
        'cpusPerTask',
        'memoryMiB',
        'memoryPerCpuMiB',
        'timeLimit',
        'arraySize',
      ]) {
        assertRefused(submission({ [field]: word }))
      }
    }
    assertRefused(submission({ exclusive: 'yes' }))
    assertRefused(submission({ uid: 0 }))
    assertRefused(submission({ script: '#!/bin/sh\nid' }))
  })

  test('a script can be nothing but the launcher', () => {
    const command = submission()['command'] as string[]
    for (const index of command.keys()) {
      for (const word of hostile.slice(0, 6))
        assertRefused(submission({ command: command.with(index, word) }))
      assertRefused(submission({ command: command.toSpliced(index, 1) }))
      assertRefused(submission({ command: command.toSpliced(index, 0, '-c') }))
    }
    assertRefused(submission({ command: ['/bin/sh', '-c', 'id'] }))
    assertRefused(submission({ command: [...command, 'server-cccccccccccccccccccc-1'] }))
    assertRefused(submission({ arraySize: 1 }))
    assertRefused(submission({ comment: `atrium site1 ${keys[0]}` }))
    const own = writeConfig(['package = /shared/atrium/node', 'python = /usr/bin/python3'], 'own.conf')
    assert.equal(ask('submit', submission(), { config: own }).status, 0)
    const deeper = command.with(3, '/shared/atrium/node/x/y/atrium_node')
    assert.equal(ask('submit', submission({ command: deeper }), { config: own }).status, 64)
    const config = writeConfig(['package = /shared/atrium/nod'], 'package.conf')
    assert.match(ask('submit', submission(), { config }).stderr, /package of this machine/)
    const url = writeConfig(['url = https://other.example.org'], 'url.conf')
    assert.equal(ask('submit', submission(), { config: url }).status, 64)
  })

  test('refuses what is no request', () => {
    for (const text of ['', '{', '[]', 'null', '"x"', '{"a":1,"a":2}', '['.repeat(100_000), '\xff']) {
      assertRefused(text)
      assertRefused(text, 'cancel')
    }
    assertRefused(`${JSON.stringify(submission())}{}`)
    assertRefused(' '.repeat(2 ** 20 + 1), 'submit', /too long/)
    for (const args of [
      [],
      ['submit', 'x'],
      ['hold'],
      ['--config', 'x', 'submit'],
      ['submit', '--config', '/x'],
    ]) {
      assert.equal(run(helper, args, { input: '{}' }).status, 64)
    }
  })

  test('a refusal repeats nothing of the request', () => {
    const { stderr } = ask('submit', submission({ account: 'hunter2;', comment: 'hunter2', hunter2: 1 }))
    assert.doesNotMatch(stderr, /hunter2/)
  })

  test('believes no configuration that another than root could have written', () => {
    const writable = writeConfig([], 'writable.conf')
    chmodSync(writable, 0o666)
    assert.equal(ask('submit', submission(), { config: writable }).status, 78)
    chmodSync(writable, 0o644)
    chownSync(writable, uid, gid)
    assert.equal(ask('submit', submission(), { config: writable }).status, 78)
    mkdirSync(join(folder, 'theirs'))
    const inside = writeConfig([], 'theirs/inside.conf')
    chownSync(join(folder, 'theirs'), uid, gid)
    assert.equal(ask('submit', submission(), { config: inside }).status, 78)
    const strange = writeConfig(['shell = /bin/sh'], 'strange.conf')
    assert.equal(ask('submit', submission(), { config: strange }).status, 78)
    assert.equal(ask('submit', submission(), { config: '/etc/shadow' }).status, 78)
    assert.equal(ask('submit', submission(), { config: join(folder, 'absent.conf') }).status, 78)
  })

  test('without root it submits for its own user only', () => {
    const seen = readMirror(ask('submit', submission(), { as: login }))
    assert.deepEqual([seen.uids, seen.groups.includes(0)], [[uid, uid, uid], false])
    const other = { login: 'nobody', uid: 65534, gid: 65534 }
    assert.match(ask('submit', submission({ owner: other }), { as: login }).stderr, /own only/)
    const root = { login: 'root', uid: 0, gid: 0 }
    assert.equal(ask('submit', submission({ owner: root }), { as: login }).status, 64)
  })
})
