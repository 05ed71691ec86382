import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { SlurmLayout } from './layout.ts'

/** Where the machine room listens. */
export function machineRoomSocketOf(layout: SlurmLayout): string {
  return join(layout.dir, 'run', 'machine-room.sock')
}

/** The program by which a cloud host is powered: `machine on|off NAME`, as the account slurm. */
export function machineProgramOf(layout: SlurmLayout): string {
  return join(layout.dir, 'machine')
}

/** Python, as a checkout need not be readable for the account slurm. */
export function writePowerPrograms(layout: SlurmLayout): { resume: string; suspend: string; fail: string } {
  const machine = machineProgramOf(layout)
  writeFileSync(machine, buildMachineProgram(machineRoomSocketOf(layout)), { mode: 0o755 })
  const program = (name: string, order: string) => {
    const path = join(layout.dir, name)
    const script = `#!/bin/sh
export SLURM_CONF=${layout.configFile}
echo "${name} $1" >>${layout.dir}/log/power.log
for host in $(scontrol show hostnames "$1"); do ${machine} ${order} "$host"; done
`
    writeFileSync(path, script, { mode: 0o755 })
    return path
  }
  return { resume: program('resume', 'on'), suspend: program('suspend', 'off'), fail: program('fail', 'off') }
}

function buildMachineProgram(socket: string): string {
  return `#!/usr/bin/python3
import socket, sys
room = socket.socket(socket.AF_UNIX)
room.connect('${socket}')
room.sendall(' '.join(sys.argv[1:]).encode())
room.shutdown(socket.SHUT_WR)
answer = room.makefile().read().strip()
if answer != 'ok':
    sys.exit(answer)
`
}
