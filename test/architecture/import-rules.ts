/**
 * Which folder may import which: the architecture as a table. `main → http → features → ports → platform`; `contract` is everybody's and
 * imports nothing of ours; drivers are known to `main` alone. Tests and `testing.ts` fixtures are free.
 */
const features = [
  'hub',
  'dask',
  'parallel',
  'environments',
  'apps',
  'ssh',
  'backups',
  'integrations',
  'oauth',
]
const ports = ['scheduler', 'machines', 'edge', 'identity', 'storage', 'store', 'observe']
const base = ['contract', 'platform']

/** What each folder of `server/src` may import besides itself. */
const serverRules: Readonly<Record<string, readonly string[]>> = {
  main: ['config', 'http', ...features, ...ports, ...base],
  http: [...features, ...ports, ...base],
  config: base,
  ...Object.fromEntries(features.map((feature) => [feature, [...ports, ...base]])),
  scheduler: ['store', ...base],
  identity: ['store', 'observe', 'edge', ...base],
  machines: base,
  edge: base,
  storage: base,
  store: base,
  observe: ['store', ...base],
  platform: ['contract'],
}

/** Drivers may be imported by `main` and by their own folder only. */
const driverPattern = /^server\/src\/(\w+)\/drivers\/([\w-]+)\//

const isTest = (file: string) => /\.test\.tsx?$|\/testing\.ts$|\/testing\/|\/conformance\//.test(file)

/** Why `from` may not import `to` (paths from the repository's root), or undefined when it may. */
export function findImportViolation(from: string, to: string): string | undefined {
  if (isTest(from)) return undefined
  if (isTest(to)) return 'tests and fixtures are imported by tests only'
  return workspaceViolation(from, to) ?? driverViolation(from, to) ?? folderViolation(from, to)
}

const workspaceRules: Readonly<Record<string, readonly string[]>> = {
  contract: ['contract'],
  server: ['server', 'contract'],
  cli: ['cli', 'contract'],
  web: ['web', 'contract'],
}

function workspaceViolation(from: string, to: string): string | undefined {
  const allowed = workspaceRules[workspaceOf(from)]
  return allowed === undefined || allowed.includes(workspaceOf(to))
    ? undefined
    : `${workspaceOf(from)} may import ${allowed.join(', ')} only`
}

function driverViolation(from: string, to: string): string | undefined {
  const driver = driverPattern.exec(to)
  if (driver === null || from.startsWith('server/src/main/') || from.startsWith(driver[0])) return undefined
  return 'drivers are known to main alone'
}

function folderViolation(from: string, to: string): string | undefined {
  const [source, target] = [serverFolder(from), serverFolder(to)]
  if (source === undefined || target === undefined || source === target) return undefined
  const allowed = serverRules[source]
  if (allowed === undefined) return `server/src/${source} has no rule: add one to import-rules.ts`
  return allowed.includes(target) ? undefined : `${source} may import ${allowed.join(', ')} only`
}

function workspaceOf(file: string): string {
  return file.split('/')[0] ?? ''
}

function serverFolder(file: string): string | undefined {
  return file.startsWith('server/src/') ? file.split('/')[2] : undefined
}
