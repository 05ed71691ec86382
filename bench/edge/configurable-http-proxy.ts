import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { findFreePort } from '../../test/support/free-port.ts'
import { startProcess, stopProcess } from './bench-process.ts'
import { openPath, type ProxyUnderTest, userPath } from './proxy-under-test.ts'

const manifestPath = fileURLToPath(import.meta.resolve('configurable-http-proxy/package.json'))
const program = manifestPath.replace(/package\.json$/, 'bin/configurable-http-proxy')

/** `configurable-http-proxy 5.3.0`. */
export const configurableHttpProxyName = `configurable-http-proxy ${(JSON.parse(readFileSync(manifestPath, 'utf8')) as { version: string }).version}`

/** JupyterHub's own proxy. It authorizes nobody: that is left to the servers behind it. */
export async function startConfigurableHttpProxy(backendPort: number): Promise<ProxyUnderTest> {
  const [port, apiPort] = [await findFreePort(), await findFreePort()]
  const token = randomBytes(16).toString('hex')
  const addresses = [
    '--ip',
    '127.0.0.1',
    '--port',
    String(port),
    '--api-ip',
    '127.0.0.1',
    '--api-port',
    String(apiPort),
  ]
  const child = startProcess(process.execPath, [program, ...addresses, '--log-level', 'error'], {
    env: { CONFIGPROXY_AUTH_TOKEN: token },
  })
  const addRoute = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${apiPort}/api/routes${path}`, {
      method: 'POST',
      headers: { authorization: `token ${token}` },
      body: JSON.stringify({ target: `http://127.0.0.1:${backendPort}` }),
    })
    if (response.status !== 201) throw new Error(`the route was answered with ${response.status}`)
    await response.arrayBuffer()
  }
  await waitFor('configurable-http-proxy', () =>
    addRoute(openPath).then(
      () => true,
      () => false,
    ),
  )
  await addRoute(userPath)
  return {
    pid: child.pid as number,
    port,
    authorization: [],
    addRoute: (name) => addRoute(`/open/${name}/`),
    close: () => stopProcess(child),
  }
}
