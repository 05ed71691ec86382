import { createServer } from 'node:http'

import type { MemoryProcess, MemoryProgram } from '#scheduler/drivers/memory/memory-run.ts'

/** What tests do to the pretend notebook servers, and read of them. */
export interface NotebookControls {
  /** What servers do that start from now on. `slow`: they never answer; `fail`: they print and exit with 1. */
  behaviour: 'serve' | 'slow' | 'fail'
  /** Answers of `api/kernels` and `api/terminals`, by the server's path (`/user/alice/`). */
  readonly kernels: Map<string, readonly object[]>
  readonly terminals: Map<string, readonly object[]>
  /** Environments of all that were started, oldest first. */
  readonly environments: Readonly<Record<string, string>>[]
  /** Ends the process of a server, as a crash does, by its path. */
  readonly crash: Map<string, () => void>
  /** Adds to the output of a server, by its path. */
  readonly print: Map<string, (text: string) => void>
}

export function createNotebookControls(): NotebookControls {
  return {
    behaviour: 'serve',
    kernels: new Map(),
    terminals: new Map(),
    environments: [],
    crash: new Map(),
    print: new Map(),
  }
}

/** Stands in for `jupyterhub-singleuser`: answers where it must by its environment alone, and lets in who has its token. */
export function createNotebookProgram(controls: NotebookControls): MemoryProgram {
  return (process) => {
    controls.environments.push(process.environment)
    process.print('starting\n')
    process.onTerminate(() => process.exit(0))
    if (controls.behaviour === 'fail') {
      process.print('ModuleNotFoundError: No module named jupyterlab\n')
      process.exit(1)
    } else if (controls.behaviour === 'serve') serve(process, controls)
  }
}

function serve(process: MemoryProcess, controls: NotebookControls): void {
  const { environment } = process
  const { hostname, port } = new URL(environment['JUPYTERHUB_SERVICE_URL'] ?? '')
  const path = environment['JUPYTERHUB_SERVICE_PREFIX'] ?? '/'
  const lists = new Map([
    [`${path}api/kernels`, controls.kernels],
    [`${path}api/terminals`, controls.terminals],
  ])
  const server = createServer((request, response) => {
    const [asked = ''] = (request.url ?? '').split('?', 1)
    const list = lists.get(asked)
    if (asked === `${path}api`) response.end('{"version":"2.17.0"}')
    else if (list === undefined) response.writeHead(404).end()
    else if (request.headers.authorization !== `token ${environment['JUPYTERHUB_API_TOKEN']}`) {
      response.writeHead(403).end()
    } else response.end(JSON.stringify(list.get(path) ?? []))
  })
  controls.crash.set(path, () => process.crash('SIGKILL'))
  controls.print.set(path, (text) => process.print(text))
  process.signal.addEventListener('abort', () => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(Number(port), hostname, () => process.print('listening\n'))
}
