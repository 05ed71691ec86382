/** Cruises every module and holds its imports against `import-rules.ts`. Fails when it saw too few files to mean anything. */
import { cruise, type ICruiseResult } from 'dependency-cruiser'

import { findImportViolation } from './import-rules.ts'

const roots = ['contract/src', 'server/src', 'cli/src', 'web/src']
const fewestModules = 100

const { output } = await cruise(roots, {
  exclude: { path: 'node_modules' },
  doNotFollow: { path: 'node_modules' },
  parser: 'swc',
  enhancedResolveOptions: {
    extensions: ['.ts', '.tsx', '.mjs'],
    exportsFields: ['exports'],
    conditionNames: ['import', 'default'],
  },
})
const { modules } = output as ICruiseResult
const isOwn = (file: string) => roots.some((root) => file.startsWith(`${root}/`))
const own = modules.filter((module) => isOwn(module.source))
const problems = own.flatMap((module) =>
  module.dependencies.flatMap((dependency) => {
    if (dependency.module.startsWith('../'))
      return [`${module.source}: "${dependency.module}": write #folder/file.ts, not ../`]
    if (dependency.couldNotResolve) return [`${module.source}: "${dependency.module}" cannot be resolved`]
    if (!isOwn(dependency.resolved)) return []
    const violation = findImportViolation(module.source, dependency.resolved)
    return violation === undefined ? [] : [`${module.source} imports ${dependency.resolved}: ${violation}`]
  }),
)
const cycles = own.flatMap((module) =>
  module.dependencies
    .filter(isRuntimeCycle)
    .map((dependency) => `${module.source} is in a cycle: ${describeCycle(dependency)}`),
)
for (const problem of [...problems, ...cycles]) console.error(problem)
console.log(`${own.length} modules, ${problems.length} forbidden imports, ${cycles.length} cycles`)
if (own.length < fewestModules) {
  console.error(
    `Only ${own.length} modules were seen, fewer than ${fewestModules}: the check itself is broken.`,
  )
  process.exitCode = 1
}
if (problems.length + cycles.length > 0) process.exitCode = 1

type Dependency = ICruiseResult['modules'][number]['dependencies'][number]

/** Types vanish before anything runs, so a cycle through them is none. */
function isRuntimeCycle({ circular, cycle = [] }: Dependency): boolean {
  return circular && cycle.every(({ dependencyTypes }) => !dependencyTypes.includes('type-only'))
}

function describeCycle({ cycle = [] }: Dependency): string {
  return cycle.map(({ name }) => name).join(' → ')
}
