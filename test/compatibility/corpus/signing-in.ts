import type { Chapter, Step } from './step.ts'

/** Where a link to the sign-in page wants to lead: good ways and attacks. */
const nexts = [
  '%2Fhub%2Ftoken',
  '%2Fuser%2Falice%2Flab%3Fa%3D1',
  'https%3A%2F%2Fevil.example%2F',
  '%2F%2Fevil.example%2F',
  '%2F%2F%2Fevil.example%2F',
  '%5C%5Cevil.example%2F',
  '%2F%5Cevil.example%2F',
  'evil.example',
  'javascript%3Aalert(1)',
  '%0d%0aX-Evil%3A%201',
  '%20%2F%2Fevil.example',
  'hub%2Fhome',
  '',
]

const signedInWithNext: readonly Step[] = nexts.map((next) => ({
  name: `signed in, sign in with next ${next}`,
  request: `GET /hub/login?next=${next}`,
  as: 'browser:alice',
}))

const signingInWithNext: readonly Step[] = nexts.map((next, at) => ({
  name: `sign in with next ${next}`,
  request: `POST /hub/login?next=${next}`,
  as: `visitor:${at}`,
  form: { username: 'bob', password: 'correct horse bob' },
  xsrf: 'form',
}))

const openingLogin: readonly Step[] = nexts.map((_, at) => ({
  name: `open the door ${at}`,
  request: 'GET /hub/login',
  as: `visitor:${at}`,
}))

const signingIn: readonly Step[] = [
  { name: 'the page to sign in', request: 'GET /hub/login', as: 'visitor:new' },
  { name: 'the page to sign in with a name', request: 'GET /hub/login?username=alice&next=%2Fhub%2Fhome' },
  { name: 'the page to sign in, fetched', request: 'GET /hub/login', headers: { 'sec-fetch-mode': 'cors' } },
  {
    name: 'sign in without the page',
    request: 'POST /hub/login',
    form: { username: 'alice', password: 'correct horse alice' },
  },
  {
    name: 'a wrong password',
    request: 'POST /hub/login',
    as: 'visitor:new',
    form: { username: 'alice', password: 'wrong' },
    xsrf: 'form',
  },
  {
    name: 'nobody',
    request: 'POST /hub/login',
    as: 'visitor:new',
    form: { username: 'nobody', password: 'x' },
    xsrf: 'form',
  },
  {
    name: 'no password',
    request: 'POST /hub/login',
    as: 'visitor:new',
    form: { username: 'alice', password: '' },
    xsrf: 'form',
  },
  {
    name: 'a hostile name',
    request: 'POST /hub/login',
    as: 'visitor:new',
    form: { username: '$(x)\n../', password: 'x' },
    xsrf: 'form',
  },
  {
    name: 'a name of 300 letters',
    request: 'POST /hub/login',
    as: 'visitor:new',
    form: { username: 'n'.repeat(300), password: 'x' },
    xsrf: 'form',
  },
  {
    name: 'sign in',
    request: 'POST /hub/login',
    as: 'visitor:new',
    form: { username: ' ALICE ', password: 'correct horse alice' },
    xsrf: 'form',
  },
  { name: 'the page to sign in, signed in', request: 'GET /hub/login', as: 'visitor:new' },
  { name: 'a query is kept', request: 'GET /hub/login?a=1&b=2', as: 'visitor:new' },
  { name: 'sign out', request: 'GET /hub/logout', as: 'visitor:new' },
  { name: 'signed out', request: 'GET /hub/home', as: 'visitor:new' },
  { name: 'sign out as a stranger', request: 'GET /hub/logout' },
  {
    name: 'a made-up cookie',
    request: 'GET /hub/home',
    headers: { cookie: 'jupyterhub-hub-login=made-up; jupyterhub-session-id=0' },
  },
  { name: 'a token does not open pages', request: 'GET /hub/home', as: 'alice' },
]

export const signingInAndOut: Chapter = {
  name: 'signing-in',
  title: 'Signing in and out, and where that leads',
  steps: [...openingLogin, ...signingInWithNext, ...signedInWithNext, ...signingIn],
}
