#!/usr/bin/env node
// Plain JavaScript that any Node >= 20 understands: it hands over to the Node that the platform brings along.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const needsMajor = 24

if (Number(process.versions.node.split('.')[0]) >= needsMajor) {
  module.enableCompileCache?.(join(root, '.cache', 'compile'))
  await import('../src/main.ts')
} else {
  handOver(join(root, 'node_modules', '.bin', 'node'))
}

function handOver(node) {
  if (!existsSync(node)) {
    console.error(
      `Atrium needs Node ${needsMajor} or newer; this is ${process.version}. Run \`npm ci\` first: it brings one along.`,
    )
    process.exit(1)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal === 'SIGINT' ? 2 : 15)))
}
