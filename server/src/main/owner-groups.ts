import { mkdir, readdir, readlink, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'

import { createUnixGroups } from '#identity/unix-groups.ts'
import type { User } from '#identity/users.ts'
import type { JobOwner } from '#scheduler/job.ts'
import { createOwnedFolders } from '#storage/owned-folders.ts'
import type { Store } from '#store/store.ts'

/** Gives a user's jobs the folders of the user's groups. */
export interface OwnerGroups {
  /** As of now: who joins or leaves a group later gets or loses its folder at the next start. `login`: a safe part of a path. */
  ensureOf(user: User, login: string): Promise<Required<Pick<JobOwner, 'groups' | 'shared'>>>
}

/** On this machine, as root: folders below `root`, and for each user one with links to those of the user's groups. */
export function createLocalGroups({ store, root }: { store: Store; root: string }): OwnerGroups {
  const groups = createUnixGroups({ store })
  const folders = createOwnedFolders({ root })
  return {
    async ensureOf(user, login) {
      const found = await groups.ensureOf(user.id)
      for (const group of found) await folders.ensureGroup(group)
      const shared = join(root, 'shared', login)
      await linkFolders(shared, new Map(found.map(({ folder }) => [folder, join(root, 'groups', folder)])))
      return { groups: found, shared }
    },
  }
}

/** `shared` is root's, and so nobody but us changes what is in it. */
async function linkFolders(shared: string, links: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(shared, { recursive: true, mode: 0o755 })
  for (const name of await readdir(shared)) {
    const target = await readlink(join(shared, name)).catch(ignore('EINVAL', 'ENOENT'))
    if (target !== undefined && target !== links.get(name))
      await unlink(join(shared, name)).catch(ignore('ENOENT'))
  }
  for (const [name, target] of links) await symlink(target, join(shared, name)).catch(ignore('EEXIST'))
}

/** Two starts at once do the same. */
function ignore(...codes: readonly string[]) {
  return (error: NodeJS.ErrnoException) => {
    if (error.code === undefined || !codes.includes(error.code)) throw error
    return undefined
  }
}
