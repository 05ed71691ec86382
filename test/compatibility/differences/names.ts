import type { WantedDifference } from './wanted-difference.ts'

/** Names and paths that JupyterHub lets in. */
export const differencesOfNames: readonly WantedDifference[] = [
  {
    steps: [
      'hostile-names/*: create',
      'hostile-names/*: in a list',
      'hostile-names/a group *',
      'hostile-names/rename *',
    ],
    fields: ['status'],
    jupyterhub: 'takes every name but empty ones, dots, slashes and spaces around',
    atrium:
      'takes letters, digits and marks of one writing with ` ._~@+:=-` between them, up to 255; answers 400 to others',
    reason:
      'Names become paths, unit names, labels and accounts: line breaks, look-alikes and shell signs have no place there.',
    seen: 400,
  },
  {
    steps: [
      'hostile-names/*: read',
      'hostile-names/*: delete',
      'hostile-names/rename somebody to a line break',
    ],
    fields: ['status'],
    jupyterhub: 'finds them',
    atrium: '404, or 400 by the edge when control characters stand in the path',
    reason: 'They could not be made.',
  },
  {
    steps: ['hostile-names/*'],
    fields: ['body', 'body/*', 'headers/content-type'],
    jupyterhub: 'the user',
    atrium: 'the error',
    reason: 'As above.',
  },
  {
    steps: ['users/a name that climbs'],
    fields: ['*'],
    jupyterhub: '404',
    atrium: '400, by the edge',
    reason: 'Control characters and escapes that climb out of a folder do not pass the door.',
  },
]
