import { anything, type WantedDifference } from './wanted-difference.ts'

/** Names and paths that JupyterHub lets in. */
export const differencesOfNames: readonly WantedDifference[] = [
  {
    steps: [
      'hostile-names/*: create',
      'hostile-names/*: in a list',
      'hostile-names/a group *',
      'hostile-names/rename *',
    ],
    fields: { status: 400 },
    jupyterhub: 'takes every name but empty ones, dots, slashes and spaces around',
    atrium:
      'takes letters, digits and marks of one writing with ` ._~@+:=-` between them, up to 255; answers 400 to others',
    reason:
      'Names become paths, unit names, labels and accounts: line breaks, look-alikes and shell signs have no place there.',
  },
  {
    steps: ['hostile-names/a line break: *', 'hostile-names/a carriage return: *', 'hostile-names/a NUL: *'],
    fields: { status: 400 },
    jupyterhub: 'finds what it has let in',
    atrium: '400, by the edge',
    reason: 'Control characters do not pass the door, escaped or not.',
  },
  {
    steps: [
      'hostile-names/*: read',
      'hostile-names/*: delete',
      'hostile-names/rename somebody to a line break',
    ],
    fields: { status: 404 },
    jupyterhub: 'finds what it has let in',
    atrium: '404',
    reason: 'There are no such names.',
  },
  {
    steps: ['hostile-names/*'],
    fields: { body: anything, 'body/*': anything, 'headers/content-type': anything },
    jupyterhub: 'the user or group',
    atrium: 'the error',
    reason: 'What the status says.',
  },
  {
    steps: ['users/a name that climbs'],
    fields: { status: 400, 'body/status': 400, 'body/message': anything },
    jupyterhub: '404',
    atrium: '400, by the edge',
    reason: 'Escapes that climb out of a folder do not pass the door.',
  },
]
