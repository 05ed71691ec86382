import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { type Platform, startPlatform } from '../support/platform.ts'
import { executeCode, openSocket } from './jupyter-socket.ts'
import { createPerson, signIn, startServer } from './people.ts'

const run = promisify(execFile)
const client = join(import.meta.dirname, '..', '..', 'python', 'client', 'src')

describe('the Python client', () => {
  let platform: Platform

  before(async () => {
    platform = await startPlatform()
    await createPerson(platform, 'alice')
  })
  after(() => platform?.dispose())

  /** How each job so far was started: from a preloaded interpreter, and if not, why. */
  function readWarmth(): { used: boolean; reason?: string }[] {
    const jobs = join(platform.data, 'jobs')
    return globSync('*/record.json', { cwd: jobs }).map(
      (name) => JSON.parse(readFileSync(join(jobs, name), 'utf8')).warm,
    )
  }

  /** What Python prints on a laptop with these variables. */
  async function runPython(code: string, environment: Record<string, string>) {
    const env = { PATH: process.env['PATH'], PYTHONPATH: client, ...environment }
    return (await run('python3', ['-c', `import atrium_client as a\n${code}`], { env })).stdout.trim()
  }

  test('is there in a kernel, asks as its owner, and leaves servers a warm start', async () => {
    await startServer(platform, 'alice')
    const alice = await signIn(platform, 'alice')
    assert.equal((await alice.open('/user/alice/lab')).status, 200)
    const started = await alice.call('/user/alice/api/kernels', {
      method: 'POST',
      body: '{"name":"python3"}',
    })
    const { id } = JSON.parse(started.text) as { id: string }
    const kernel = await openSocket(alice, platform.url, `/user/alice/api/kernels/${id}/channels`)
    const code = `import atrium_client; print(atrium_client.connect().call("GET", "/hub/api/user")["name"])`
    assert.equal(await executeCode(kernel, code), 'alice\n')
    kernel.close()
    // The first may have come too early for it.
    await createPerson(platform, 'bob')
    await startServer(platform, 'bob')
    const warmth = readWarmth()
    assert.ok(
      warmth.some(({ used }) => used),
      JSON.stringify(warmth),
    )
  })

  test('asks with a token from a laptop, and says what is wrong in one sentence', async () => {
    const token = await platform.adminToken()
    const ask = `
try: print(a.connect().call("GET", "/api/v1/status")["scheduler"]["driver"])
except a.ApiError as error: print(error.status, error.code, error)`
    const given = { ATRIUM_URL: `${platform.url}/`, ATRIUM_TOKEN: token }
    assert.equal(await runPython(ask, given), 'local')
    assert.match(await runPython(ask, { ATRIUM_URL: platform.url }), /^0 not_configured Set ATRIUM_TOKEN/)
    assert.match(await runPython(ask, {}), /^0 not_configured Set ATRIUM_URL/)
    assert.match(await runPython(ask, { ...given, ATRIUM_TOKEN: 'x' }), /^40[13] \w+ [A-Z]/)
    const absent = ask.replace('/api/v1/status', '/api/v1/servers/nobody')
    assert.match(await runPython(absent, given), /^404 not_found [A-Z]/)
    const posting = ask.replace('"GET", "/api/v1/status"', '"POST", "/api/v1/status"')
    const nowhere = { ...given, ATRIUM_URL: 'http://127.0.0.1:9' }
    assert.match(await runPython(posting, nowhere), /^0 unavailable .* cannot be reached: .*refused/)
  })

  test('never takes its token to another address', async () => {
    const code = `
import http.server, threading
seen = []
class Elsewhere(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen.append((self.path, self.headers.get("Authorization")))
        self.send_response(302)
        self.send_header("Location", f"http://localhost:{self.server.server_port}/taken")
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Elsewhere)
threading.Thread(target=server.serve_forever, daemon=True).start()
try: a.connect(f"http://127.0.0.1:{server.server_port}", "secret").call("GET", "/x")
except a.ApiError as error: print(error.code, seen)`
    assert.equal(await runPython(code, {}), "redirected [('/x', 'token secret')]")
  })
})
