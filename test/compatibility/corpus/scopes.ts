import { type Chapter, type Step, unordered } from './step.ts'

/** A token of the administrator with just these scopes, what it says of itself and what it may do. */
function holding(scopes: readonly string[], questions: readonly string[]): readonly Step[] {
  const name = scopes.join(' ')
  const key = name.replace(/[^a-z]+/g, '-')
  return [
    {
      name: `${name}: made`,
      request: 'POST /hub/api/users/admin/tokens',
      as: 'admin',
      json: { scopes },
      capture: { [key]: 'body/token' },
    },
    { name: `${name}: what it says`, request: 'GET /hub/api/user', as: `token:${key}` },
    ...questions.map(
      (request): Step => ({
        name: `${name}: ${request}`,
        request,
        as: `token:${key}`,
        ...(request.startsWith('POST')
          ? { json: request.includes('groups/') ? { users: ['dave'] } : {} }
          : {}),
        unordered,
        volatile: ['body/state'],
      }),
    ),
  ]
}

const lists = ['GET /hub/api/users', 'GET /hub/api/groups', 'GET /hub/api/services']

export const scopes: Chapter = {
  name: 'scopes',
  title: 'Scopes and their filters',
  steps: [
    ...holding(['self'], ['GET /hub/api/users/admin', 'GET /hub/api/users/alice', 'GET /hub/api/users']),
    ...holding(['list:users'], lists),
    ...holding(
      ['list:users!user=alice'],
      ['GET /hub/api/users', 'GET /hub/api/users/alice', 'GET /hub/api/users/bob'],
    ),
    ...holding(['list:users!group=physics'], ['GET /hub/api/users', 'GET /hub/api/users/carol']),
    ...holding(['list:users!group=physics', 'list:users!user=dave'], ['GET /hub/api/users']),
    ...holding(['list:users!group=none'], ['GET /hub/api/users']),
    ...holding(['list:users!server=alice/'], ['GET /hub/api/users']),
    ...holding(['list:users', 'list:users!user=alice'], ['GET /hub/api/users']),
    ...holding(
      ['read:users!group=physics'],
      [
        'GET /hub/api/users/alice',
        'GET /hub/api/users/bob',
        'GET /hub/api/users/nobody',
        'GET /hub/api/users',
      ],
    ),
    ...holding(['read:users:groups'], ['GET /hub/api/users/alice']),
    ...holding(['read:users:activity'], ['GET /hub/api/users/alice']),
    ...holding(['read:roles:users'], ['GET /hub/api/users/alice']),
    ...holding(
      ['read:roles'],
      ['GET /hub/api/users/alice', 'GET /hub/api/groups/biology', 'GET /hub/api/services/reporter'],
    ),
    ...holding(['admin:auth_state'], ['GET /hub/api/users/alice']),
    ...holding(
      ['users'],
      ['GET /hub/api/users/alice', 'DELETE /hub/api/users/nobody', 'POST /hub/api/users/zoe'],
    ),
    ...holding(['delete:users!user=nobody'], ['DELETE /hub/api/users/nobody', 'DELETE /hub/api/users/alice']),
    ...holding(
      ['admin:users!user=dave'],
      ['GET /hub/api/users/dave', 'PATCH /hub/api/users/alice', 'POST /hub/api/users'],
    ),
    ...holding(
      ['read:servers'],
      ['GET /hub/api/users/alice', 'GET /hub/api/users/alice/server', 'DELETE /hub/api/users/alice/server'],
    ),
    ...holding(
      ['read:servers!server=alice/'],
      [
        'GET /hub/api/users/alice',
        'GET /hub/api/users/alice/server',
        'GET /hub/api/users/bob/server',
        'GET /hub/api/users',
      ],
    ),
    ...holding(
      ['read:servers!group=physics'],
      ['GET /hub/api/users/alice/server', 'GET /hub/api/users/bob/server'],
    ),
    ...holding(
      ['servers!server=alice/lab'],
      [
        'GET /hub/api/users/alice/server',
        'DELETE /hub/api/users/alice/servers/lab',
        'DELETE /hub/api/users/alice/server',
      ],
    ),
    ...holding(
      ['delete:servers!user=alice'],
      [
        'DELETE /hub/api/users/alice/server',
        'DELETE /hub/api/users/bob/server',
        'GET /hub/api/users/alice/server',
      ],
    ),
    ...holding(
      ['start:servers!user=nobody'],
      ['POST /hub/api/users/alice/server', 'POST /hub/api/users/nobody/server'],
    ),
    ...holding(['admin:server_state', 'read:servers!user=alice'], ['GET /hub/api/users/alice/server']),
    ...holding(
      ['tokens!user=alice'],
      ['GET /hub/api/users/alice/tokens', 'GET /hub/api/users/bob/tokens', 'POST /hub/api/users/bob/tokens'],
    ),
    ...holding(
      ['read:tokens!group=physics'],
      [
        'GET /hub/api/users/carol/tokens',
        'GET /hub/api/users/bob/tokens',
        'POST /hub/api/users/carol/tokens',
      ],
    ),
    ...holding(['list:groups'], lists),
    ...holding(
      ['list:groups!group=physics'],
      ['GET /hub/api/groups', 'GET /hub/api/groups/physics', 'GET /hub/api/groups/biology'],
    ),
    ...holding(['read:groups:name'], ['GET /hub/api/groups/physics', 'GET /hub/api/groups']),
    ...holding(['read:roles:groups'], ['GET /hub/api/groups/biology']),
    ...holding(
      ['groups!group=empty'],
      [
        'POST /hub/api/groups/empty/users',
        'POST /hub/api/groups/physics/users',
        'DELETE /hub/api/groups/empty',
      ],
    ),
    ...holding(
      ['delete:groups!group=empty'],
      ['GET /hub/api/groups/empty', 'DELETE /hub/api/groups/physics', 'DELETE /hub/api/groups/empty'],
    ),
    ...holding(['list:services'], lists),
    ...holding(
      ['read:services!service=board'],
      ['GET /hub/api/services/board', 'GET /hub/api/services/dashboard', 'GET /hub/api/services'],
    ),
    ...holding(['list:services!service=board'], ['GET /hub/api/services']),
    ...holding(['read:services:name'], ['GET /hub/api/services/board']),
    ...holding(['read:roles:services'], ['GET /hub/api/services/reporter']),
    ...holding(
      ['access:services!service=board'],
      ['GET /hub/api/services/board', 'GET /services/board/page'],
    ),
    ...holding(['read:hub'], ['GET /hub/api/proxy', 'GET /hub/api/users']),
    ...holding(['proxy'], ['POST /hub/api/proxy', 'GET /hub/api/info']),
    ...holding(
      ['read:shares!user=alice'],
      ['GET /hub/api/shares/alice', 'GET /hub/api/shares/bob', 'GET /hub/api/shares/alice/'],
    ),
    ...holding(['read:shares!server=alice/'], ['GET /hub/api/shares/alice', 'GET /hub/api/shares/alice/']),
    ...holding(['shares!user=alice'], ['POST /hub/api/share-codes/bob/', 'GET /hub/api/share-codes/alice']),
    ...holding(
      ['users:shares!user=bob', 'groups:shares!group=biology'],
      [
        'GET /hub/api/users/bob/shared',
        'GET /hub/api/users/alice/shared',
        'GET /hub/api/groups/biology/shared',
        'GET /hub/api/groups/physics/shared',
      ],
    ),
    ...holding(['admin-ui'], ['GET /hub/api/users', 'GET /hub/admin']),
    ...holding(['inherit', 'read:hub'], ['GET /hub/api/users/dave']),
  ],
}
