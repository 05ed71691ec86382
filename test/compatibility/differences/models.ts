import { anything, type WantedDifference } from './wanted-difference.ts'

/** Fields of users, servers, services, tokens and scopes. */
export const differencesOfModels: readonly WantedDifference[] = [
  {
    steps: ['*'],
    fields: {
      'body/*scopes/*':
        /^(read:(jobs|clusters|quotas|usage|nodes|audit)|access:clusters|jobs|clusters|admin:(jobs|quotas|roles))(!user=\w+)?$/,
    },
    jupyterhub: 'none',
    atrium:
      '`jobs`, `clusters`, `read:jobs`, `read:clusters`, `access:clusters`, `read:quotas`, `read:usage`, `read:nodes`, `read:audit`, `admin:jobs`, `admin:quotas`, `admin:roles`',
    reason: 'Atrium has more to give rights to. They are part of `self` and of the role `admin`.',
    reference: undefined,
  },
  {
    steps: ['*'],
    fields: { 'body/*user_options': {}, 'body/*state': {} },
    jupyterhub: '`null` for a server that never ran, and for a named one after its first stop',
    atrium: '`{}`',
    reason: 'An object is always an object; JupyterHub answers `{}` as well, in other places.',
    reference: null,
  },
  {
    steps: ['*'],
    fields: { 'body/atrium-cli': anything },
    jupyterhub: 'none',
    atrium: 'the service of the command line',
    reason: '`atrium` on the platform’s own machine speaks the same API, as a service.',
    reference: undefined,
  },
  {
    steps: ['info/info for *'],
    fields: { 'body/*/class': 'atrium.local' },
    jupyterhub: 'Python classes of spawner and authenticator',
    atrium: '`atrium.` and the driver',
    reason: 'There are no such classes.',
  },
  {
    steps: ['users/filtered by a pattern character'],
    fields: { 'body/*': undefined },
    jupyterhub: '`name_filter` is an SQL pattern: `a%e` finds alice',
    atrium: 'it is a part of the name',
    reason: 'A percent sign in a name is a percent sign.',
  },
  {
    steps: ['user-changes/rename to the same name'],
    fields: { 'body/name': 'erina' },
    jupyterhub: '`null`, and the user has no name any more',
    atrium: 'the name',
    reason: 'A mistake of JupyterHub’s.',
    reference: null,
  },
  {
    steps: ['shares/what one may then'],
    fields: { 'body/scopes/start:servers!server=alice/lab': 'start:servers!server=alice/lab' },
    jupyterhub: 'tokens do not see what is shared with a group of their owner; cookies do',
    atrium: 'both do',
    reason: 'A mistake of JupyterHub’s: it shares a server with the group and refuses the member’s token.',
    reference: undefined,
  },
  {
    steps: ['services/the routes'],
    fields: { 'body///target': /^unix:/ },
    jupyterhub: 'the hub’s TCP port',
    atrium: 'its Unix socket',
    reason: 'The control plane listens where only the edge can reach it.',
  },
]
