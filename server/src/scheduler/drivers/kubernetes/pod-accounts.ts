import type { V1VolumeMount } from '@kubernetes/client-node'

import type { JobSpec } from '#scheduler/job.ts'

const safeName = /^[a-z_][a-z0-9._-]{0,31}$/
const safePath = /^\/[^:\n]*$/

/**
 * passwd(5) and group(5) of a job's pods, which images bring without the platform's people: a terminal has a name to show, and programs that look
 * themselves up (ssh, Open MPI) find one. Undefined where the job runs as whoever the image says.
 */
export function buildAccountFiles({ owner }: JobSpec): Record<string, string> | undefined {
  const { login, uid, gid = uid, home, groups = [] } = owner
  if (uid === undefined) return undefined
  const name = safeName.test(login) ? login : 'user'
  // A shell that every image has; which one a terminal starts, SHELL says.
  const person = [name, 'x', uid, gid, '', safePath.test(home) ? home : '/', '/bin/sh']
  const shared = groups.filter(({ folder }) => safeName.test(folder) && folder !== name)
  return {
    passwd: toLines([rootUser, nobody, person]),
    group: toLines([
      ['root', 'x', 0, ''],
      ['nogroup', 'x', 65_534, ''],
      [name, 'x', gid, ''],
      ...shared.map(({ folder, gid }) => [folder, 'x', gid, name]),
    ]),
  }
}

/** Where they are to be. `volume`: the one that has the job's Secret. */
export function buildAccountMounts(spec: JobSpec, volume: string): readonly V1VolumeMount[] {
  return Object.keys(buildAccountFiles(spec) ?? {}).map((file) => ({
    name: volume,
    mountPath: `/etc/${file}`,
    subPath: file,
    readOnly: true,
  }))
}

type Fields = readonly (string | number | undefined)[]

const rootUser: Fields = ['root', 'x', 0, 0, 'root', '/root', '/bin/sh']
const nobody: Fields = ['nobody', 'x', 65_534, 65_534, 'nobody', '/', '/bin/false']

function toLines(lines: readonly Fields[]): string {
  return lines.map((fields) => `${fields.join(':')}\n`).join('')
}
