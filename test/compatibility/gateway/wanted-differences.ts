import { anything, type WantedDifference } from '../differences/wanted-difference.ts'

/** Answers of Atrium's that are not dask-gateway-server's, on purpose; `jupyterhub` says what the latter answers. */
export const gatewayDifferences: readonly WantedDifference[] = [
  {
    steps: ['*'],
    fields: { 'headers/cache-control': 'no-store', 'headers/x-jupyterhub-version': '6.1.1' },
    jupyterhub: 'no such headers',
    atrium: '`Cache-Control: no-store`, and the version that all of its APIs send',
    reason: 'Keys of clusters belong into no cache.',
  },
  {
    steps: ['*'],
    fields: { 'cookies/dask-gateway /': undefined },
    jupyterhub: 'a cookie that stands for the credentials for some minutes',
    atrium: 'no cookie',
    reason:
      'A token that was revoked lets nobody in any more; asking who a token belongs to costs nothing here.',
  },
  {
    steps: [
      'about/*speaks for*',
      'about/a user does not speak for a cluster',
      'life/its owner does not speak for it',
    ],
    fields: { 'headers/www-authenticate': 'jupyterhub', 'body/error': 'Authentication required' },
    jupyterhub: '`token` and "Unauthorized" where a scheduler speaks for its cluster',
    atrium: 'what it answers to everybody who proves nothing',
    reason: 'No scheduler reads it: it has sent its token at once.',
  },
  {
    steps: [
      'about/without the slash there is nothing',
      'about/an unknown path',
      'about/a method that clusters do not have',
    ],
    fields: {
      'headers/content-type': 'application/json',
      body: anything,
      'headers/allow': 'GET, HEAD, POST, OPTIONS',
    },
    jupyterhub: 'plain text',
    atrium: 'the status in the form of all other errors, `{"error": ...}`',
    reason: 'The client shows either.',
  },
  {
    steps: ['options/true for cores'],
    fields: { 'body/error': 'worker_cores must be an integer, got True' },
    jupyterhub: 'takes `True` for 1, as Python does',
    atrium: 'refuses it',
    reason: 'Nobody means one core by it.',
  },
  {
    steps: ['options/no JSON', 'options/JSON that is a list'],
    fields: { status: 422, 'headers/content-type': 'application/json', body: anything },
    jupyterhub: '500',
    atrium: '422 with what is wrong',
    reason: 'It is the request that is wrong.',
  },
]
