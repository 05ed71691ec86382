import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

import { waitFor } from '#platform/wait-for.ts'
import type { JobHandle } from '#scheduler/job.ts'
import type { Case, RegisterCase } from './conformance-site.ts'
import type { ProgramContext } from './programs.ts'

/** Text that breaks shells, templates, quoting, line formats and encodings. No NUL: argv and environment cannot hold it. */
const hostileTexts = [
  '',
  ' ',
  '-rf',
  '--',
  '$(touch /tmp/owned)',
  '`id`',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell would replace it, that is the point
  '$HOME ${HOME} %n %%',
  "it's",
  'say "hi"',
  'back\\slash\\',
  'line\nbreak',
  'carriage\rreturn',
  'tab\there',
  'a;b&&c|d>e<f',
  '*?[a-z]{x,y}~',
  '#comment',
  '!history',
  'ünïcödé 数据 🚀',
  "'; drop table jobs; --",
  '{port:nobody}',
  'x'.repeat(4000),
]

/** What a job finds around itself, and what others can see of it. */
export function registerContextCases(conformant: RegisterCase): void {
  conformant('arguments arrive unharmed', async (c) => {
    const context = await runContext(c, hostileTexts)
    assert.deepEqual(context.argv, hostileTexts)
  })

  conformant('environment variables arrive unharmed', async (c) => {
    const wanted = Object.fromEntries(hostileTexts.map((text, index) => [`ATRIUM_TEST_${index}`, text]))
    const { environment } = await runContext(c, [], wanted)
    for (const [name, value] of Object.entries(wanted)) assert.equal(environment[name], value, name)
  })

  conformant('a job runs in its working directory with no input to wait for', async (c) => {
    const context = await runContext(c)
    assert.equal(context.workingDirectory, c.workingDirectory)
    assert.equal(context.input, '')
  })

  conformant('a job runs as its owner', async (c) => {
    if (!c.capabilities.owners) return c.t.skip('this driver runs every job as one user')
    assert.equal((await runContext(c)).uid, c.owner.uid)
  })

  conformant("a job does not inherit the control plane's environment", async (c) => {
    const leaked = 'ATRIUM_CONFORMANCE_LEAK'
    assert.ok(process.env[leaked], 'the suite sets it before it creates the site')
    assert.equal((await runContext(c)).environment[leaked], undefined)
  })

  conformant('secrets in the environment are seen by the job alone', async (c) => {
    const secret = `secret-${randomUUID()}`
    const handle = await c.submit(c.spec(c.program('wait'), { environment: { ATRIUM_TOKEN: secret } }))
    await c.output(handle, 'waiting')
    const listed = await c.scheduler.list({ signal: c.signal })
    const seen = [handle, listed, await c.observe(handle), await c.scheduler.capacity({ signal: c.signal })]
    assert.ok(!JSON.stringify(seen).includes(secret))
    if (c.visibleText === undefined) return c.t.diagnostic('what others see cannot be read at this site')
    assert.ok(!(await c.visibleText()).includes(secret))
  })

  conformant(
    'the node gives the ports, in argv and environment, and reports where the job answers',
    async (c) => {
      const [first, second] = [await startServer(c), await startServer(c)]
      for (const { handle, body } of [first, second]) {
        const endpoint = await waitFor('an endpoint', async () => (await c.until(handle, 'running')).endpoint)
        assert.deepEqual(Object.keys(endpoint.ports).toSorted(), ['http', 'metrics'])
        for (const [name, port] of Object.entries(endpoint.ports)) {
          assert.equal(await fetchText(`http://${endpoint.host}:${port}/`), `${body} ${name}`)
        }
      }
    },
  )

  conformant('ports stand in the environment as well', async (c) => {
    const handle = await c.submit(
      c.spec(c.program('context', '{port:http}'), {
        ports: ['http'],
        environment: { ATRIUM_URL: 'http://localhost:{port:http}/' },
      }),
    )
    await c.until(handle, 'ended')
    const context = parseContext(await c.output(handle))
    const port = Number(context.argv[0])
    assert.ok(port > 0 && port < 65_536, String(context.argv))
    assert.equal(context.environment['ATRIUM_URL'], `http://localhost:${port}/`)
  })
}

async function runContext(
  c: Case,
  args: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<ProgramContext> {
  const handle = await c.submit(c.spec(c.program('context', ...args), { environment }))
  const { exit } = await c.until(handle, 'ended')
  const output = await c.output(handle)
  assert.equal(exit.state, 'succeeded', `${exit.message} ${output}`)
  return parseContext(output)
}

function parseContext(output: string): ProgramContext {
  return JSON.parse(output) as ProgramContext
}

async function startServer(c: Case): Promise<{ handle: JobHandle; body: string }> {
  const body = randomUUID()
  const command = c.program('serve', '{port:http}', `${body} http`, '{port:metrics}', `${body} metrics`)
  return { handle: await c.submit(c.spec(command, { ports: ['http', 'metrics'] })), body }
}

async function fetchText(url: string): Promise<string | undefined> {
  return fetch(url).then(
    (response) => response.text(),
    () => undefined,
  )
}
