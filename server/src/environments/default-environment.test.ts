import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { PlatformError } from '@atrium/contract/errors.ts'
import { createSilentLogger } from '#platform/log.ts'

import { type DefaultEnvironment, defaultLockPath, ensureDefaultEnvironment } from './default-environment.ts'
import { findPython } from './find-python.ts'
import { buildUvEnvironment } from './package-index.ts'

/** Makes a wheel of one package with one program; reproducible, so that its hash can be locked. */
const wheelMaker = `
import sys, zipfile
path, name, script = sys.argv[1:4]
info = name + "-1.0.dist-info/"
files = {
    name + ".py": "def main(): print('hello')\\n",
    info + "METADATA": "Metadata-Version: 2.1\\nName: " + name + "\\nVersion: 1.0\\n",
    info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    info + "entry_points.txt": "[console_scripts]\\n" + script + " = " + name + ":main\\n",
}
files[info + "RECORD"] = "".join(file + ",,\\n" for file in [*files, info + "RECORD"])
with zipfile.ZipFile(path, "w") as wheel:
    for file, text in files.items():
        wheel.writestr(zipfile.ZipInfo(file), text)
`

describe('default environment', () => {
  let dir: string
  let lockPath: string
  const messages: string[] = []

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'atrium-environment-'))
    await chmod(dir, 0o755)
    const wheel = join(dir, 'atrium_probe-1.0-py3-none-any.whl')
    execFileSync('python3', ['-c', wheelMaker, wheel, 'atrium_probe', 'jupyterhub-singleuser'])
    const hash = createHash('sha256')
      .update(await readFile(wheel))
      .digest('hex')
    lockPath = join(dir, 'lock.txt')
    await writeFile(lockPath, `atrium-probe==1.0 --hash=sha256:${hash}\n`)
  })
  after(() => rm(dir, { recursive: true, force: true }))

  /** No package index is asked: only the wheel made here can be had, so uv is not. */
  function ensure(
    prefix: string,
    changes: { lockPath?: string; requirements?: string; signal?: AbortSignal } = {},
  ): Promise<DefaultEnvironment> {
    messages.length = 0
    return ensureDefaultEnvironment({
      prefix,
      lockPath,
      onProgress: ({ step, message }) => messages.push(`${step}: ${message}`),
      signal: new AbortController().signal,
      log: createSilentLogger(),
      environment: {
        PATH: process.env['PATH'],
        PIP_NO_INDEX: '1',
        PIP_FIND_LINKS: dir,
        PIP_DISABLE_PIP_VERSION_CHECK: '1',
      },
      ...changes,
    })
  }

  test('is made from the lock with visible progress, then reused, and made whole when its lock changes', async () => {
    const prefix = join(dir, 'deep', 'fresh')
    assert.equal((await ensure(prefix)).outcome, 'created')
    assert.equal(execFileSync(join(prefix, 'bin', 'jupyterhub-singleuser')).toString(), 'hello\n')
    assert.ok(
      messages.some((line) => line.startsWith('venv:')) &&
        messages.some((line) => line.startsWith('packages:')),
    )
    assert.equal((await ensure(prefix)).outcome, 'existing')
    assert.deepEqual(messages, [])
    await writeFile(lockPath, `${await readFile(lockPath, 'utf8')}# changed\n`)
    assert.equal((await ensure(prefix)).outcome, 'repaired')
  })

  test('a set-up that was stopped at any point is finished by the next', async () => {
    const prefix = join(dir, 'stopped')
    for (const step of ['venv', 'installer', 'packages']) {
      const controller = new AbortController()
      await assert.rejects(
        ensureDefaultEnvironment({
          prefix,
          lockPath,
          onProgress: (progress) => progress.step === step && controller.abort(new Error('stopped')),
          signal: controller.signal,
          log: createSilentLogger(),
          environment: { PATH: process.env['PATH'], PIP_NO_INDEX: '1', PIP_FIND_LINKS: dir },
        }),
        /stopped/,
      )
    }
    await rm(join(prefix, 'bin', 'pip'))
    assert.equal((await ensure(prefix)).outcome, 'repaired')
    assert.equal(execFileSync(join(prefix, 'bin', 'jupyterhub-singleuser')).toString(), 'hello\n')
  })

  test('an environment made by others is used as it is', async () => {
    const prefix = join(dir, 'foreign')
    await mkdir(join(prefix, 'bin'), { recursive: true })
    await writeFile(join(prefix, 'bin', 'jupyterhub-singleuser'), '')
    await symlink('/usr/bin/python3', join(prefix, 'bin', 'python'))
    assert.equal((await ensure(prefix)).outcome, 'foreign')
    assert.deepEqual(messages, [])
  })

  test('an environment made by others whose Python does not run is refused', async () => {
    const prefix = join(dir, 'broken')
    await mkdir(join(prefix, 'bin'), { recursive: true })
    for (const program of ['python', 'jupyterhub-singleuser'])
      await writeFile(join(prefix, 'bin', program), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    await assert.rejects(ensure(prefix), (error) => {
      assert(error instanceof PlatformError && error.code === 'bad_request')
      return /does not work: .*--env-prefix DIR/.test(error.message)
    })
  })

  test('requirements come on top of the lock, and are followed when they change', async () => {
    const prefix = join(dir, 'with-requirements')
    const wheel = join(dir, 'atrium_extra-1.0-py3-none-any.whl')
    execFileSync('python3', ['-c', wheelMaker, wheel, 'atrium_extra', 'extra'])
    const requirements = join(dir, 'requirements.txt')
    await writeFile(requirements, 'atrium-extra\n')
    assert.equal((await ensure(prefix, { requirements })).outcome, 'created')
    assert.equal(execFileSync(join(prefix, 'bin', 'extra')).toString(), 'hello\n')
    assert.equal((await ensure(prefix, { requirements })).outcome, 'existing')
    await writeFile(requirements, 'atrium-extra==1.0\n')
    assert.equal((await ensure(prefix, { requirements })).outcome, 'repaired')
    await assert.rejects(
      ensure(prefix, { requirements: join(dir, 'nowhere.txt') }),
      /nowhere\.txt \(environment\.requirements\) cannot be read/,
    )
  })

  test("a folder with somebody's files in it is left alone", async () => {
    const prefix = join(dir, 'occupied')
    await mkdir(prefix)
    await writeFile(join(prefix, 'thesis.tex'), 'years of work')
    await assert.rejects(ensure(prefix), (error) => {
      assert(error instanceof PlatformError && error.code === 'bad_request')
      return /--env-prefix/.test(error.message)
    })
  })

  test('packages that cannot be had: an error that says what to do, and what pip said', async () => {
    const missing = join(dir, 'missing.txt')
    await writeFile(missing, 'no-such-package==9.9 --hash=sha256:00\n')
    await assert.rejects(ensure(join(dir, 'missing'), { lockPath: missing }), (error) => {
      assert(error instanceof PlatformError)
      return /Start again|start again/.test(error.message) && /no-such-package/.test(error.message)
    })
  })

  test('a full disk: an error that says how much is needed', {
    skip: process.getuid?.() === 0 ? false : 'needs root',
  }, async () => {
    const full = join(dir, 'full')
    await mkdir(full)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=755', 'tmpfs', full])
    try {
      await assert.rejects(ensure(join(full, 'env')), (error) => {
        assert(error instanceof PlatformError, String(error))
        assert.equal(error.code, 'storage_full')
        return /--env-prefix/.test(error.message)
      })
    } finally {
      execFileSync('umount', [full])
    }
  })

  test('as root, a prefix that users cannot reach is refused', {
    skip: process.getuid?.() === 0 ? false : 'needs root',
  }, async () => {
    const closed = join(dir, 'closed')
    await mkdir(closed, { mode: 0o700 })
    await assert.rejects(ensure(join(closed, 'env')), /cannot pass through/)
  })

  test('the committed lock names no index and hashes every package', async () => {
    const lock = await readFile(defaultLockPath, 'utf8')
    assert.doesNotMatch(lock, /https?:|--index|--find-links/)
    for (const entry of lock.split(/\n(?=\S)/)) assert.match(entry, /--hash=sha256:/)
    for (const name of [
      'jupyterlab',
      'jupyterhub==6.1.1',
      'dask-gateway',
      'dask-labextension',
      'ipyparallel',
      'jupyter-server-proxy',
      'nbgitpuller',
      'papermill',
    ])
      assert.match(lock, new RegExp(`^${name}`, 'm'))
    assert.ok((await stat(defaultLockPath)).size > 1000)
  })
})

describe('finding Python', () => {
  test('says what to install when there is none', async () => {
    const signal = new AbortController().signal
    const folder = await mkdtemp(join(tmpdir(), 'atrium-python-'))
    const old = join(folder, 'python3')
    await writeFile(old, '#!/bin/sh\necho \'{"version": "3.8.1", "hasVenv": true}\'\n', { mode: 0o755 })
    await assert.rejects(
      findPython({ mustBeShared: false, signal, searchPath: folder, systemFolders: [] }),
      (error: Error) =>
        /apt install python3 python3-venv/.test(error.message) && /version 3\.8\.1/.test(error.message),
    )
    await writeFile(old, '#!/bin/sh\necho \'{"version": "3.12.1", "hasVenv": false}\'\n', { mode: 0o755 })
    await assert.rejects(
      findPython({ mustBeShared: false, signal, searchPath: folder, systemFolders: [] }),
      /without the venv/,
    )
    await rm(folder, { recursive: true })
  })
})

test("pip's package sources are carried to uv, which prefers its own settings", () => {
  const listing = [
    "global.index-url='https://pypi.example.org/simple'",
    "global.timeout='60'",
    "install.extra-index-url='\\nhttps://one.example.org\\nhttps://two.example.org'",
    "install.trusted-host='one.example.org'",
    ":env:.cert='/etc/ssl/own.pem'",
    "global.cert='/etc/ssl/other.pem'",
    "global.user='true'",
    'nonsense',
  ].join('\n')
  assert.deepEqual(buildUvEnvironment(listing, { UV_HTTP_TIMEOUT: '5', HOME: '/h' }), {
    UV_DEFAULT_INDEX: 'https://pypi.example.org/simple',
    UV_INDEX: 'https://one.example.org https://two.example.org',
    UV_INSECURE_HOST: 'one.example.org',
    SSL_CERT_FILE: '/etc/ssl/own.pem',
    UV_HTTP_TIMEOUT: '5',
    HOME: '/h',
  })
})
