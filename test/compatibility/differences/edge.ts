import { anything, type WantedDifference } from './wanted-difference.ts'

/** What the edge answers by itself, where JupyterHub's proxy asks the hub or lets everything through. */
export const differencesOfEdge: readonly WantedDifference[] = [
  {
    steps: [
      'hostile-names/*',
      'users/a name that climbs',
      'pages/*: /user/*',
      'pages/the API of a stopped server, by a token, from outside',
    ],
    fields: { 'headers/x-jupyterhub-version': undefined },
    jupyterhub: '`6.1.1`',
    atrium: 'none',
    reason: 'The edge answers, not the hub.',
  },
  {
    steps: ['pages/anonymous: /user/*'],
    fields: {
      status: 302,
      'headers/location': /^\/hub\/login\?next=%2Fuser%2F/,
      'headers/content-type': 'text/plain',
    },
    jupyterhub: 'redirects to `/hub/user/...`, from there to the sign-in page',
    atrium: '302 to the sign-in page, and from there to the server',
    reason: 'The edge knows who is signed in. One way less.',
  },
  {
    steps: ['pages/browser:alice: /user/alice*'],
    fields: { status: 424, 'headers/location': undefined, body: '<page>' },
    jupyterhub: 'redirects to `/hub/user/...`, which answers 424 and a page',
    atrium: '424 and the page that offers to start the server',
    reason: 'The edge knows what runs. One way less.',
  },
  {
    steps: ['pages/browser:alice: /user/bob/', 'pages/browser:alice: /user/nobody/'],
    fields: { status: 403, 'headers/location': undefined, body: anything },
    jupyterhub: 'redirects to `/hub/user/...`, which answers 404',
    atrium: '403, the same whether there is such a user',
    reason: 'The edge decides who may pass before it looks who is there.',
  },
  {
    steps: ['pages/the API of a stopped server, by a token, from outside'],
    fields: {
      status: 424,
      'headers/location': undefined,
      'headers/content-type': 'application/json',
      body: anything,
    },
    jupyterhub: 'redirects to `/hub/user/...`, which answers 424 and JSON',
    atrium: '424 and JSON',
    reason: 'Clients of the API need not follow a redirect to learn that a server stands still.',
  },
]
