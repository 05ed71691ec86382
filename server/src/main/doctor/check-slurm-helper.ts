import { spawn } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { findInstallationRoot } from '#platform/installation.ts'

import { type Finding, ok, problem, warn } from './finding.ts'

const name = 'atrium-slurm-helper'
const refusedStatus = 64
const patienceMs = 20_000
const mend =
  'Install deploy/slurm/atrium-slurm-helper as /usr/local/libexec/atrium-slurm-helper (root, 0755) and deploy/slurm/sudoers.example as /etc/sudoers.d/atrium (0440), with the account that runs the platform.'

/** The helper that submits for users: it is asked for something that it must refuse, so that nothing happens. */
export async function checkSlurmHelper(argv: readonly string[]): Promise<readonly Finding[]> {
  const { status, stderr } = await callHelper(argv)
  const check = 'helper'
  if (status !== refusedStatus) {
    const text = stderr.trim().split('\n').at(-1) || `${argv.join(' ')} ended with ${status}`
    return [problem(check, text, mend)]
  }
  const path = argv.find((word) => basename(word) === name)
  const trouble = path === undefined ? undefined : await checkFile(check, path)
  return [trouble ?? ok(check, `${argv.join(' ')} refuses what it may not`)]
}

async function checkFile(check: string, path: string): Promise<Finding | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return undefined
  if (found.uid !== 0 || (found.mode & 0o022) !== 0)
    return problem(
      check,
      `${path} can be changed by others than root`,
      `chown root:root ${path}; chmod 0755 ${path}`,
    )
  const ours = join(findInstallationRoot(), 'deploy', 'slurm', name)
  const [a, b] = await Promise.all([path, ours].map((file) => readFile(file).catch(() => undefined)))
  if (a !== undefined && b !== undefined && !a.equals(b))
    return warn(check, `${path} is of another version than this platform`, `Install it anew from ${ours}.`)
  return undefined
}

function callHelper(argv: readonly string[]): Promise<{ status: number | null; stderr: string }> {
  const [program = '', ...args] = argv
  return new Promise((resolve) => {
    const child = spawn(program, [...args, 'cancel'], {
      cwd: '/',
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: patienceMs,
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-4096)
    })
    child.stdin.on('error', () => {})
    child.stdin.end('{}')
    child.once('error', (error) => resolve({ status: null, stderr: error.message }))
    child.once('close', (status) => resolve({ status, stderr }))
  })
}
