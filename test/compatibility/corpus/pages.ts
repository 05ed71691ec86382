import type { Actor, Chapter, Step } from './step.ts'

const doors = [
  '/',
  '/hub',
  '/hub/',
  '/hub/home',
  '/hub/spawn',
  '/hub/spawn/alice',
  '/hub/spawn/bob',
  '/hub/spawn/nobody',
  '/hub/spawn/alice/lab',
  '/hub/spawn-pending/alice',
  '/hub/admin',
  '/hub/token',
  '/hub/user/alice',
  '/hub/user/alice/',
  '/hub/user/alice/tree?a=1',
  '/hub/user/alice/api/contents',
  '/hub/user/bob/tree',
  '/hub/user/nobody/tree',
  '/hub/user-redirect/tree/x.ipynb?a=1&b=2',
  '/user-redirect/git-pull?repo=https%3A%2F%2Fgit.example%2Fa&urlpath=lab%2Ftree%2Fa',
  '/user/alice',
  '/user/alice/',
  '/user/alice/lab/tree?a=1',
  '/user/bob/',
  '/user/nobody/',
  '/hub/nothing',
  '/nothing',
  '/nothing/at/all?a=1',
  '/hub/error/404',
  '/hub/error/503',
  '/hub/static/nothing.css',
  '/hub/logo',
]

/** These pages start servers of those who may: `start-pages.ts` asks for them. */
const starts = new Set(['/hub/spawn', '/hub/spawn/alice'])

const knock = (as: Actor, path: string): Step => ({
  name: `${as}: ${path}`,
  request: `GET ${path}`,
  as,
  headers: { accept: 'text/html' },
})

const askedOfStopped: readonly Step[] = [
  {
    name: 'a page by POST',
    request: 'POST /hub/user/alice/tree',
    as: 'browser:alice',
    form: {},
    xsrf: 'form',
  },
  { name: 'the API of a stopped server', request: 'GET /hub/user/alice/api/kernels', as: 'browser:alice' },
  {
    name: 'the API of a stopped server, by a token',
    request: 'GET /hub/user/alice/api/kernels',
    as: 'alice',
  },
  {
    name: 'the API of a stopped server, by a token, from outside',
    request: 'GET /user/alice/api/kernels',
    as: 'alice',
  },
  {
    name: 'JSON of a stopped server',
    request: 'GET /hub/user/alice/files/x',
    as: 'browser:alice',
    headers: { accept: 'application/json' },
  },
  {
    name: 'a kernel started on a stopped server',
    request: 'POST /hub/user/alice/api/kernels',
    as: 'alice',
    json: {},
  },
]

export const pages: Chapter = {
  name: 'pages',
  title: 'Pages and links',
  steps: [
    ...doors.map((path) => knock('anonymous', path)),
    ...doors
      .filter((path) => !starts.has(path) && path !== '/hub/spawn/alice/lab')
      .map((path) => knock('browser:alice', path)),
    knock('browser:admin', '/hub/admin'),
    knock('browser:carol', '/hub/admin'),
    knock('browser:admin', '/hub/user/alice/tree'),
    knock('browser:admin', '/hub/spawn/nobody'),
    knock('browser:admin', '/hub/user/nobody/tree'),
    ...askedOfStopped,
  ],
}
