import { parseArgs } from 'node:util'

import { ConfigError } from '#config/config-problem.ts'
import { loadConfig } from '#config/load-config.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
})
const [file = 'atrium.yaml'] = positionals

try {
  await loadConfig(file)
  console.log(values.json ? JSON.stringify({ file, valid: true, problems: [] }) : `${file} is valid.`)
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  console.log(values.json ? JSON.stringify({ file, valid: false, problems: error.problems }) : error.message)
  process.exitCode = 1
}
