/**
 * `npm run docs`: writes the pages that come from the code. With `--check` it writes nothing and fails when a committed page differs.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

import { buildConfigReference } from '@atrium/server/config/reference.ts'
import { configSchema } from '@atrium/server/config/schema.ts'
import { createAllRoutes } from '@atrium/server/http/all-routes.ts'
import { buildOpenApi } from '@atrium/server/http/openapi.ts'
import { createRouteStubs } from '@atrium/server/http/testing/route-stubs.ts'
import { version } from '@atrium/server/main/version.ts'

import { buildCompatibilityPage } from '../test/compatibility/compatibility-page.ts'
import { chartValuesSchema } from './chart-values.ts'
import { buildPublishedSchema } from './published-schema.ts'

const docs = import.meta.dirname
const root = dirname(docs)

const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  'compatibility.md': buildCompatibilityPage,
  'configuration.md': () => buildConfigReference(configSchema),
  'openapi.json': () =>
    `${JSON.stringify(buildOpenApi(createAllRoutes(createRouteStubs()).routes, { version }), undefined, 1)}\n`,
  'atrium.schema.json': () => printSchema(configSchema),
  // Helm checks values by it, and says which key is wrong.
  '../deploy/kubernetes/chart/values.schema.json': () => printSchema(chartValuesSchema),
}

function printSchema(schema: object): string {
  const published = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...buildPublishedSchema(schema),
  }
  return `${JSON.stringify(published, undefined, 2)}\n`
}

const check = process.argv.includes('--check')
for (const [name, build] of Object.entries(pages)) {
  const path = join(docs, name)
  const text = await build()
  const committed = await readFile(path, 'utf8').catch(() => undefined)
  if (committed === text) continue
  if (check) {
    console.error(`${relative(root, path)} is not what the code says: run \`npm run docs\` and commit it.`)
    process.exitCode = 1
    continue
  }
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  console.log(`wrote ${relative(root, path)}`)
}
