import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import { installClientPackage, installNodePackage } from './node-package.ts'
import { ensureSharedFolder } from './shared-folder.ts'

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-shared-'))
  chmodSync(folder, 0o755)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const modeOf = (path: string) => statSync(path).mode & 0o7777

test('what users print goes where they can write and not look', async (t) => {
  const root = join(makeFolder(t), 'new', 'atrium')
  const shared = await ensureSharedFolder(root)
  assert.equal(modeOf(shared.logs), 0o3733)
  assert.equal(statSync(shared.logs).gid, process.getgid?.())
  assert.deepEqual([root, shared.node].map(modeOf), [0o755, 0o755])
  chmodSync(shared.logs, 0o777)
  await ensureSharedFolder(root)
  assert.equal(modeOf(shared.logs), 0o3733, 'put right at each start')
})

test('a folder that others could change, or cannot pass, is refused with what to do', async (t) => {
  const folder = makeFolder(t)
  const [open, closed] = [join(folder, 'open'), join(folder, 'closed')]
  mkdirSync(open)
  chmodSync(open, 0o775)
  await assert.rejects(ensureSharedFolder(open), { code: 'forbidden', message: /chmod go-w .*open/ })
  mkdirSync(join(closed, 'atrium'), { recursive: true })
  chmodSync(closed, 0o700)
  await assert.rejects(ensureSharedFolder(join(closed, 'atrium')), { message: /cannot pass .*closed\. Run/ })
  await assert.rejects(ensureSharedFolder('/dev/null/atrium'), {
    code: 'forbidden',
    message: /cannot be used/,
  })
})

test('nodes get the package as it is now, compiled, whole, and beside what jobs still use', async (t) => {
  const root = makeFolder(t)
  const paths = await Promise.all([1, 2].map(() => installNodePackage(root, 'python3')))
  const [path = ''] = paths
  assert.deepEqual(paths, [path, path])
  assert.deepEqual(
    readdirSync(root).map((name) => /^[0-9a-f]{16}$/.test(name)),
    [true],
    'no drafts are left',
  )
  assert.match(readFileSync(join(path, 'slurm_job.py'), 'utf8'), /^"""/)
  assert.equal(modeOf(join(path, 'slurm_job.py')), 0o644)
  const compiled = readdirSync(join(path, '__pycache__'))
  assert.ok(compiled.some((name) => name.startsWith('slurm_job.')))
  assert.throws(() => execFileSync('python3', ['-I', '-S', path, 'slurm_job'], { stdio: 'pipe' }), {
    status: 2,
  })
  const elsewhere = await installNodePackage(makeFolder(t), '/only/on/nodes/python3')
  assert.match(readFileSync(join(elsewhere, 'slurm_job.py'), 'utf8'), /^"""/)
  mkdirSync(join(root, 'other'))
  assert.equal(await installNodePackage(root, 'python3'), path)
  assert.ok(readdirSync(root).includes('other'))
})

test('jobs get the client package, readable by all, and its metadata by which entry points are found', async (t) => {
  const folder = await installClientPackage(makeFolder(t), 'python3')
  const names = readdirSync(folder).sort()
  assert.match(names.join(' '), /^atrium_client atrium_client-[0-9.]+\.dist-info$/)
  for (const name of names) assert.equal(modeOf(join(folder, name)), 0o755)
  const code =
    'import importlib.metadata as m, atrium_client as a; print(a.__version__ == m.version("atrium-client"))'
  const run = (python: string) =>
    execFileSync('python3', ['-s', '-c', python], { env: { PATH: process.env['PATH'], PYTHONPATH: folder } })
  assert.equal(run(code).toString(), 'True\n')
})
