/**
 * Started by `startSlurmCluster`, as root: the "cloud" of the test cluster. Powers cloud hosts on and off when asked over a socket that
 * the account slurm may use: one line in (`on NAME` or `off NAME`), one line out (`ok`, or what went wrong).
 */
import { chmodSync, chownSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'

import { getUnixAccount } from './accounts.ts'
import { openHost } from './host.ts'
import { buildLayout } from './layout.ts'

const [name = '', socketPath = ''] = process.argv.slice(2)
const layout = buildLayout(name)

rmSync(socketPath, { force: true })
createServer({ allowHalfOpen: true }, (socket) => {
  let line = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    line += text
  })
  socket.on('error', () => undefined)
  socket.on('end', () => {
    obey(line.trim()).then(
      () => socket.end('ok\n'),
      (error: unknown) => socket.end(`${String(error)}\n`),
    )
  })
}).listen(socketPath, () => {
  chmodSync(socketPath, 0o660)
  chownSync(socketPath, 0, getUnixAccount('slurm').gid)
})

async function obey(line: string): Promise<void> {
  const [order, hostName] = line.split(' ')
  const host = layout.hosts.find((entry) => entry.name === hostName && entry.kind === 'cloud')
  if (host === undefined) throw new Error(`no such machine: ${hostName}`)
  if (order === 'on') await openHost(layout, host).powerOn()
  else if (order === 'off') await openHost(layout, host).powerOff()
  else throw new Error(`no such order: ${order}`)
}
