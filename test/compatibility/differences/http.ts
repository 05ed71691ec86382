import type { WantedDifference } from './wanted-difference.ts'

/** Methods, statuses and headers, whatever is asked for. */
export const differencesOfHttp: readonly WantedDifference[] = [
  {
    steps: ['*'],
    fields: ['headers/cache-control'],
    jupyterhub: 'none',
    atrium: '`no-store`',
    reason: 'Answers about people and their rights are for nobody’s cache.',
    reference: undefined,
    seen: 'no-store',
  },
  {
    steps: ['*'],
    fields: ['headers/allow'],
    jupyterhub: 'none',
    atrium: 'the methods there are',
    reason: 'RFC 9110 asks for it with 405.',
    reference: undefined,
    seen: /^[A-Z, ]+$/,
  },
  {
    steps: ['info/heads are not answered'],
    fields: ['status'],
    jupyterhub: '405',
    atrium: '200',
    reason: 'What can be read can be asked about: RFC 9110.',
    seen: 200,
  },
  {
    steps: ['info/options of *', 'cookies/options need no proof'],
    fields: ['headers/content-type'],
    jupyterhub: '`application/json`',
    atrium: 'none',
    reason: 'The answer has no body.',
    seen: undefined,
  },
  {
    steps: ['info/a method nobody has at the root'],
    fields: ['headers/access-control-allow-origin'],
    jupyterhub: '`*`',
    atrium: 'none',
    reason: 'Other sites may read the version; there is nothing else for them at the root.',
    seen: undefined,
  },
  {
    steps: ['*'],
    fields: ['headers/content-type'],
    jupyterhub: '`text/html` with a redirect',
    atrium: 'none',
    reason: 'The answer has no body.',
    reference: 'text/html',
    seen: undefined,
  },
  {
    steps: ['user-changes/admin access is a thing of the past'],
    fields: ['status', 'body/status', 'body/message'],
    jupyterhub: '403: disabled',
    atrium: '404',
    reason: 'JupyterHub took the door away with version 0.8 and left the sign.',
  },
]
