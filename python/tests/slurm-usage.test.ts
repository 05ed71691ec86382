import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('../src', import.meta.url))

/** What the launcher reads, of control groups as a cluster has them: paths as in /proc/self/cgroup, mount points below a folder of ours. */
function readUsage(paths: Record<string, string>, mounts: Record<string, string>): unknown[] {
  const script = `import json, sys
sys.path.insert(0, sys.argv[1])
from atrium_node import slurm_usage
slurm_usage.own_paths = lambda: json.loads(sys.argv[2])
slurm_usage.list_mounts = lambda: json.loads(sys.argv[3])
usage = slurm_usage.SlurmUsage().read()
print(json.dumps([usage.memory_bytes, usage.cpu_seconds, usage.oom_kills]))`
  const args = ['-I', '-S', '-c', script, sources, JSON.stringify(paths), JSON.stringify(mounts)]
  return JSON.parse(execFileSync('python3', args, { encoding: 'utf8' }))
}

describe('what a Slurm job uses on its node', () => {
  let root: string

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'atrium-cgroups-'))
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  function write(files: Record<string, string>): void {
    for (const [name, content] of Object.entries(files)) {
      const path = join(root, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
    }
  }

  test('is that of all its steps, by control groups of version 2', () => {
    const job = 'unified/system.slice/slurmstepd.scope/job_7'
    write({
      [`${job}/memory.current`]: '1048576\n',
      [`${job}/cpu.stat`]: 'usage_usec 2500000\nuser_usec 1\n',
      [`${job}/memory.events`]: 'low 0\noom 3\noom_kill 2\n',
      [`${job}/step_batch/user/task_0/memory.current`]: '1\n',
    })
    const paths = { '': '/system.slice/slurmstepd.scope/job_7/step_batch/user/task_0' }
    assert.deepEqual(readUsage(paths, { cgroup2: join(root, 'unified') }), [1048576, 2.5, 2])
  })

  test('by version 1, where each group counts the programs it lost itself', () => {
    const job = 'slurm_n1/uid_2001/job_7'
    write({
      [`memory/${job}/memory.usage_in_bytes`]: '4096\n',
      [`memory/${job}/memory.oom_control`]: 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n',
      [`memory/${job}/step_batch/memory.oom_control`]: 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
      [`memory/${job}/step_0/task_0/memory.oom_control`]: 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
      [`cpuacct/${job}/cpuacct.usage`]: '1500000000\n',
    })
    const group = `/${job}/step_batch`
    const mounts = { memory: join(root, 'memory'), cpuacct: join(root, 'cpuacct') }
    assert.deepEqual(readUsage({ memory: group, cpuacct: group }, mounts), [4096, 1.5, 3])
    assert.deepEqual(readUsage({ memory: group }, mounts), [4096, null, 3])
  })

  test('is not known where Slurm makes no groups: what is there is everybody’s', () => {
    write({ 'memory/system.slice/slurmd.service/memory.usage_in_bytes': '1\n' })
    const paths = { memory: '/system.slice/slurmd.service', '': '/' }
    const mounts = { memory: join(root, 'memory'), cgroup2: join(root, 'unified') }
    assert.deepEqual(readUsage(paths, mounts), [null, null, 0])
  })
})
