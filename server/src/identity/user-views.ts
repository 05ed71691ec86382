import type { Clock } from '#platform/clock.ts'
import type { Change, Store } from '#store/store.ts'
import { type Activity, activityResolutionMs } from './activity.ts'
import type { MaybePromise } from './principals.ts'
import type { User, Users } from './users.ts'

/** A user with what answers about users name besides. */
export interface UserView {
  readonly user: User
  /** Names of the groups. */
  readonly groups: readonly string[]
  /** Names of the roles, without those of the groups. */
  readonly roles: readonly string[]
}

/** Users as answers show them. */
export interface UserViews {
  ofUsers(users: readonly User[]): Promise<readonly UserView[]>
  /** Of users who were created just now, without groups: nothing has to be read. */
  ofNewUsers(users: readonly User[]): readonly UserView[]
  /** From memory when asked for often: `GET /hub/api/user` is what services ask all the time. Undefined: no such user. */
  findById(id: number): MaybePromise<UserView | undefined>
  close(): void
}

interface UserViewsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly users: Users
  readonly activity: Activity
}

interface Remembered {
  readonly view: UserView
  readonly readAtMs: number
}

const mostRemembered = 10_000
const concerningTopics: ReadonlySet<string> = new Set(['user', 'group', 'role'])

/** See `UserViews`. */
export function createUserViews({ store, clock, users, activity }: UserViewsOptions): UserViews {
  const remembered = new Map<number, Remembered>()
  /** Changes name users by name. */
  const ids = new Map<string, number>()
  let generation = 0

  function forget({ topic, key }: Change): void {
    if (!concerningTopics.has(topic)) return
    generation += 1
    if (topic !== 'user' || key === '*') {
      remembered.clear()
      ids.clear()
      return
    }
    remembered.delete(ids.get(key) ?? 0)
    ids.delete(key)
  }

  function remember(view: UserView): void {
    const { id, name } = view.user
    remembered.set(id, { view, readAtMs: clock.now() })
    ids.set(name, id)
    const [first] = remembered.values()
    if (remembered.size > mostRemembered && first !== undefined) {
      remembered.delete(first.view.user.id)
      ids.delete(first.view.user.name)
    }
  }

  async function read(id: number): Promise<UserView | undefined> {
    const before = generation
    const user = await users.findById(id)
    if (user === undefined) return undefined
    const [view] = await ofUsers([user])
    if (view !== undefined && before === generation) remember(view)
    return view
  }

  async function ofUsers(list: readonly User[]): Promise<readonly UserView[]> {
    const groups = await users.groupsOf(list.map(({ id }) => id))
    const roles = await users.rolesOf(list)
    return list.map((user) => ({
      user,
      groups: groups.get(user.id) ?? [],
      roles: roles.get(user.id) ?? [],
    }))
  }

  return {
    ofUsers,
    ofNewUsers: (list) =>
      list.map((user) => ({ user, groups: [], roles: user.admin ? ['admin', 'user'] : ['user'] })),
    findById(id) {
      const known = remembered.get(id)
      // Other replicas tell nobody of activity: it is looked at again as often as it is stored.
      if (known === undefined || clock.now() - known.readAtMs > activityResolutionMs) return read(id)
      const lastActivityAtMs = activity.findUser(id) ?? known.view.user.lastActivityAtMs
      if (lastActivityAtMs === known.view.user.lastActivityAtMs) return known.view
      return { ...known.view, user: { ...known.view.user, lastActivityAtMs } }
    },
    close: store.onChange((changes) => changes.forEach(forget)),
  }
}
