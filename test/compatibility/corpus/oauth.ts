import { authorize, board, dashboard, exchange, exchangeOfBoard, token } from './oauth-clients.ts'
import type { Chapter, Step } from './step.ts'

const asking: readonly Step[] = [
  { name: 'a stranger has to sign in first', request: `GET ${authorize}?${dashboard}&state=s1` },
  { name: 'a token is no browser', request: `GET ${authorize}?${dashboard}&state=s1`, as: 'alice' },
  {
    name: 'one who may not use the service',
    request: `GET ${authorize}?${dashboard}&state=s1`,
    as: 'browser:bob',
  },
  { name: 'one is asked', request: `GET ${authorize}?${dashboard}&state=s1`, as: 'browser:alice' },
  {
    name: 'one is asked for less',
    request: `GET ${authorize}?${dashboard}&state=s1&scope=read:users!user`,
    as: 'browser:alice',
  },
  {
    name: 'one is asked for no more than who one is',
    request: `GET ${authorize}?${dashboard}&state=s1&scope=identify`,
    as: 'browser:alice',
  },
  {
    name: 'more than the service may ask',
    request: `GET ${authorize}?${dashboard}&state=s1&scope=tokens!user`,
    as: 'browser:alice',
  },
  {
    name: 'a scope nobody knows',
    request: `GET ${authorize}?${dashboard}&state=s1&scope=read:minds`,
    as: 'browser:alice',
  },
  {
    name: 'the name of a role',
    request: `GET ${authorize}?${dashboard}&state=s1&scope=narrow`,
    as: 'browser:alice',
  },
  {
    name: 'a client nobody knows',
    request: `GET ${authorize}?${dashboard.replace('service-dashboard', 'service-none')}`,
    as: 'browser:alice',
  },
  { name: 'no client', request: `GET ${authorize}?response_type=code`, as: 'browser:alice' },
  {
    name: 'a client that is led away',
    request: `GET ${authorize}?client_id=service-dashboard&redirect_uri=https%3A%2F%2Fevil.example%2F&response_type=code`,
    as: 'browser:alice',
  },
  {
    name: 'a redirect with something behind',
    request: `GET ${authorize}?client_id=service-dashboard&redirect_uri=%2Fservices%2Fdashboard%2Foauth_callback%2F..%2Fx&response_type=code`,
    as: 'browser:alice',
  },
  {
    name: 'without a redirect',
    request: `GET ${authorize}?client_id=service-dashboard&response_type=code`,
    as: 'browser:alice',
  },
  {
    name: 'without the kind of answer',
    request: `GET ${authorize}?${dashboard.replace('&response_type=code', '')}`,
    as: 'browser:alice',
  },
  {
    name: 'for a token at once',
    request: `GET ${authorize}?${dashboard.replace('=code', '=token')}`,
    as: 'browser:alice',
  },
  { name: 'without a state', request: `GET ${authorize}?${board}`, as: 'browser:alice' },
  {
    name: 'a service that need not ask',
    request: `GET ${authorize}?${board}&state=s2`,
    as: 'browser:alice',
    capture: { boardCode: 'location?code' },
  },
  {
    name: 'the hub itself is no client',
    request: `GET ${authorize}?client_id=jupyterhub&redirect_uri=&response_type=code`,
    as: 'browser:alice',
  },
]

const agreeing: readonly Step[] = [
  {
    name: 'agree without the page',
    request: `POST ${authorize}?${dashboard}&state=s1`,
    as: 'browser:alice',
    form: { scopes: 'read:users!user' },
  },
  {
    name: 'agree as a stranger',
    request: `POST ${authorize}?${dashboard}&state=s1`,
    form: { scopes: 'read:users!user' },
  },
  {
    name: 'agree',
    request: `POST ${authorize}?${dashboard}&state=s1`,
    as: 'browser:alice',
    form: { scopes: ['read:users!user', 'servers!user'] },
    xsrf: 'form',
    capture: { code: 'location?code' },
  },
  {
    name: 'agree to less',
    request: `POST ${authorize}?${dashboard}&state=s3`,
    as: 'browser:alice',
    form: { scopes: 'read:users!user' },
    xsrf: 'form',
    capture: { lessCode: 'location?code' },
  },
  {
    name: 'agree to nothing',
    request: `POST ${authorize}?${dashboard}&state=s4`,
    as: 'browser:alice',
    form: {},
    xsrf: 'form',
    capture: { leastCode: 'location?code' },
  },
  {
    name: 'agree to more than is asked',
    request: `POST ${authorize}?${dashboard}&state=s5`,
    as: 'browser:alice',
    form: { scopes: 'tokens!user' },
    xsrf: 'form',
  },
  {
    name: 'agree for a client nobody knows',
    request: `POST ${authorize}?client_id=service-none&response_type=code`,
    as: 'browser:alice',
    form: {},
    xsrf: 'form',
  },
]

const exchanging: readonly Step[] = [
  { name: 'a wrong secret', request: token, form: { ...exchange, client_secret: 'wrong', code: '{{code}}' } },
  { name: 'no secret', request: token, form: { ...exchange, client_secret: '', code: '{{code}}' } },
  {
    name: 'a client that is not',
    request: token,
    form: { ...exchange, client_id: 'service-none', code: '{{code}}' },
  },
  { name: "another client's code", request: token, form: { ...exchangeOfBoard, code: '{{code}}' } },
  {
    name: 'a code that is none',
    request: token,
    form: { ...exchange, code: '0123456789abcdef0123456789abcd' },
  },
  { name: 'no code', request: token, form: exchange },
  {
    name: 'another redirect',
    request: token,
    form: { ...exchange, code: '{{code}}', redirect_uri: '/elsewhere' },
  },
  { name: 'another grant', request: token, form: { ...exchange, grant_type: 'password', code: '{{code}}' } },
  {
    name: 'no grant',
    request: token,
    form: { client_id: 'service-dashboard', client_secret: exchange.client_secret, code: '{{code}}' },
  },
  { name: 'nothing', request: token, form: {} },
  { name: 'JSON', request: token, json: { ...exchange, code: '{{code}}' } },
  { name: 'by GET', request: 'GET /hub/api/oauth2/token' },
  {
    name: 'exchange',
    request: token,
    form: { ...exchange, code: '{{code}}' },
    capture: { access: 'body/access_token' },
  },
  { name: 'exchange again', request: token, form: { ...exchange, code: '{{code}}' } },
  { name: 'who it is', request: 'GET /hub/api/user', as: 'token:access' },
  { name: 'it does what was agreed', request: 'GET /hub/api/users/alice', as: 'token:access' },
  { name: 'it does not do more', request: 'GET /hub/api/users/alice/tokens', as: 'token:access' },
  {
    name: 'exchange the lesser',
    request: token,
    form: { ...exchange, code: '{{lessCode}}' },
    capture: { less: 'body/access_token' },
  },
  { name: 'who the lesser is', request: 'GET /hub/api/user', as: 'token:less' },
  {
    name: 'exchange the least',
    request: token,
    form: { ...exchange, code: '{{leastCode}}' },
    capture: { least: 'body/access_token' },
  },
  { name: 'who the least is', request: 'GET /hub/api/user', as: 'token:least' },
  {
    name: 'exchange what was not asked',
    request: token,
    form: { ...exchangeOfBoard, code: '{{boardCode}}' },
    capture: { ofBoard: 'body/access_token' },
  },
  { name: 'who that is', request: 'GET /hub/api/user', as: 'token:ofBoard' },
  {
    name: 'the user sees them',
    request: 'GET /hub/api/users/alice/tokens',
    as: 'alice',
    unordered: { list: 'body/api_tokens', by: 'oauth_client' },
  },
  {
    name: 'agreed once, not asked again',
    request: `GET ${authorize}?${dashboard}&state=s6`,
    as: 'browser:alice',
  },
  {
    name: 'asked again for what was not agreed',
    request: `GET ${authorize}?${dashboard}&state=s6&scope=servers!user`,
    as: 'browser:alice',
  },
]

export const oauth: Chapter = {
  name: 'oauth',
  title: 'OAuth2: asking, agreeing, exchanging',
  steps: [...asking, ...agreeing, ...exchanging],
}
