/**
 * Built-in modules without their ES module face. `import ... from 'node:http'` reads every export once, and one of them is a getter that loads
 * Node's WebSocket and fetch (10 MB of the process); `node:crypto` has WebCrypto behind another (3 MB). Seen with Node 26.10.
 */
export const http = process.getBuiltinModule('node:http')
export const crypto = process.getBuiltinModule('node:crypto')
