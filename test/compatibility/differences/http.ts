import type { WantedDifference } from './wanted-difference.ts'

/** Methods, statuses and headers, whatever is asked for. */
export const differencesOfHttp: readonly WantedDifference[] = [
  {
    steps: ['*'],
    fields: { 'headers/cache-control': 'no-store' },
    jupyterhub: 'none',
    atrium: '`no-store`',
    reason: 'Answers about people and their rights are for nobody’s cache.',
    reference: undefined,
  },
  {
    steps: ['*'],
    fields: { 'headers/allow': /^[A-Z, ]+$/ },
    jupyterhub: 'none',
    atrium: 'the methods there are',
    reason: 'RFC 9110 asks for it with 405.',
    reference: undefined,
  },
  {
    steps: ['info/heads are not answered'],
    fields: { status: 200 },
    jupyterhub: '405',
    atrium: '200',
    reason: 'What can be read can be asked about: RFC 9110.',
  },
  {
    steps: ['info/a method nobody has at the root'],
    fields: { 'headers/access-control-allow-origin': undefined },
    jupyterhub: '`*`',
    atrium: 'none',
    reason: 'Other sites may read the version; there is nothing else for them at the root.',
  },
  {
    steps: ['*'],
    fields: { 'headers/content-type': undefined },
    jupyterhub: '`text/html` with a redirect',
    atrium: 'none',
    reason: 'The answer has no body.',
    reference: 'text/html',
  },
  {
    steps: ['user-changes/admin access is a thing of the past'],
    fields: { status: 404, 'body/status': 404, 'body/message': 'Not Found' },
    jupyterhub: '403: disabled',
    atrium: '404',
    reason: 'JupyterHub took the door away with version 0.8 and left the sign.',
  },
]
