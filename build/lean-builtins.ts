import { isBuiltin } from 'node:module'

import type { Plugin } from 'rolldown'

const prefix = '\0builtin:'
const identifier = /^[A-Za-z_$][\w$]*$/

/**
 * Imports of Node's built-in modules without their ES module face, which reads every export once: among `node:http`'s is a getter that loads
 * WebSocket and fetch (10 MB of the process), behind one of `node:crypto`'s is WebCrypto (3 MB). Seen with Node 26.10.
 */
export function leanBuiltins(): Plugin {
  return {
    name: 'lean-builtins',
    resolveId(id, _importer, { kind }) {
      return isBuiltin(id) && kind === 'import-statement' ? `${prefix}${id}` : null
    },
    load(id) {
      return id.startsWith(prefix) ? buildFace(id.slice(prefix.length)) : null
    },
  }
}

/** Every export is a read of its own, and the reads that nobody needs are left out of the bundle with the other unused code. */
function buildFace(id: string): string {
  const name = id.startsWith('node:') ? id : `node:${id}`
  const keys = Object.keys(Object.getOwnPropertyDescriptors(process.getBuiltinModule(name)))
  return [
    `const builtin = process.getBuiltinModule(${JSON.stringify(name)})`,
    'export default builtin',
    ...keys
      .filter((key) => identifier.test(key) && key !== 'default')
      .map((key) => `const $${key} = builtin.${key}\nexport { $${key} as ${key} }`),
  ].join('\n')
}
