import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type PythonSession, patient, startDaskUser, startPython } from '../support/dask.ts'
import { type Platform, runCli, startPlatform } from '../support/platform.ts'
import { findJobProcesses, findServerModel, requestServer } from '../support/servers.ts'

const root = join(import.meta.dirname, '..', '..')

interface CodeBlock {
  language: string
  code: string
  /** The nearest heading above it. */
  section: string
  line: number
}

/** The blocks of code of a page, in order. */
function readBlocks(page: string): CodeBlock[] {
  const blocks: CodeBlock[] = []
  let section = ''
  let open: CodeBlock | undefined
  for (const [index, line] of readFileSync(join(root, page), 'utf8').split('\n').entries()) {
    if (open === undefined && line.startsWith('## ')) section = line.slice(3)
    if (!line.startsWith('```')) {
      if (open !== undefined) open.code += `${line}\n`
    } else if (open === undefined) {
      open = { language: line.slice(3), code: '', section, line: index + 1 }
    } else {
      blocks.push(open)
      open = undefined
    }
  }
  return blocks
}

/** The variables that a program in this user's server finds. It must have started cold, for the system to know them. */
async function readServerVariables(platform: Platform, user: string): Promise<Record<string, string>> {
  await requestServer(platform, user)
  await waitFor('the server', async () => (await findServerModel(platform, user))?.ready, patient)
  const [pid] = findJobProcesses(platform, user)
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  return Object.fromEntries(pairs.flatMap((pair) => splitOnce(pair, '=')))
}

function splitOnce(text: string, separator: string): [string, string][] {
  const at = text.indexOf(separator)
  return at < 0 ? [] : [[text.slice(0, at), text.slice(at + 1)]]
}

function runShell(code: string, env: NodeJS.ProcessEnv): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-e', '-c', code], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    child.once('close', (status) => resolve({ status, output }))
  })
}

/** What a block must print, by a word in it. */
const prints: readonly [word: string, output: RegExp][] = [
  ['da.ones', /^16000000\.0\n.*\/gateway\/clusters\/[0-9a-f]{32}\/status\n$/],
  ['cluster.adapt', /^190\n$/],
  ['cluster_options', /RUNNING/],
  ['JupyterHubAuth', /^\[\]\n$/],
  ['hello from a job', /hello from a job/],
  ['--array 1-4', /part 4/],
  ['from atrium_client import run', /^0 42\n/],
  ['ipyparallel', /\[0, 1, 4, 9\]/],
  ['/api/v1/schedules', /"nextAtMs"/],
]

describe('docs/parallel.md', () => {
  let platform: Platform
  let inServer: PythonSession
  let server: Record<string, string>
  let onLaptop: PythonSession
  let laptop: Record<string, string>
  let folder: string

  before(async () => {
    platform = await startPlatform({ config: JSON.stringify({ servers: { warmStart: false } }) })
    folder = await mkdtemp(join(tmpdir(), 'atrium-docs-'))
    const user = await startDaskUser(platform, 'alice')
    user.close()
    laptop = { ATRIUM_URL: platform.url.replace(/\/$/, ''), ATRIUM_TOKEN: user.token }
    server = await readServerVariables(platform, 'alice')
    inServer = await startPython(server)
    onLaptop = await startPython(laptop)
  })
  after(async () => {
    inServer?.close()
    onLaptop?.close()
    await platform?.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  async function runBlock({ language, code }: CodeBlock): Promise<string> {
    if (language === 'python') return (code.includes('ATRIUM_URL') ? onLaptop : inServer).run(code)
    if (language === 'yaml') {
      await writeFile(join(folder, 'atrium.yaml'), code)
      const { code: status, stdout, stderr } = await runCli(['validate', join(folder, 'atrium.yaml')])
      assert.equal(status, 0, stdout + stderr)
      return stdout
    }
    const atrium = `cd ${folder}; atrium() { ${process.execPath} ${join(root, 'cli/bin/atrium.mjs')} "$@"; }\n`
    const { status, output } = await runShell(atrium + code, { ...process.env, ...laptop })
    assert.equal(status, 0, output)
    // What there is in a terminal of the server is the same.
    const inTerminal = code.startsWith('atrium') ? await runShell(code, server) : { status, output }
    assert.equal(inTerminal.status, 0, inTerminal.output)
    return inTerminal.output
  }

  for (const block of readBlocks('docs/parallel.md')) {
    const { code, section, line } = block
    const expected = prints.find(([word]) => code.includes(word))?.[1] ?? /(?:)/
    test(`${section}, line ${line}: does what it says`, async () => {
      assert.match(await runBlock(block), expected)
    })
  }
})
