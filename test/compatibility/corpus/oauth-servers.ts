import { authorize, board, exchangeOfBoard, token } from './oauth-clients.ts'
import type { Chapter, Step } from './step.ts'

const server =
  'client_id=jupyterhub-user-alice&redirect_uri=%2Fuser%2Falice%2Foauth_callback&response_type=code'

/** RFC 7636, appendix B. */
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

const pkce: readonly Step[] = [
  {
    name: 'with a challenge',
    request: `GET ${authorize}?${board}&state=p1&code_challenge=${challenge}&code_challenge_method=S256`,
    as: 'browser:alice',
    capture: { p1: 'location?code' },
  },
  { name: 'without the verifier', request: token, form: { ...exchangeOfBoard, code: '{{p1}}' } },
  {
    name: 'with another verifier',
    request: token,
    form: { ...exchangeOfBoard, code: '{{p1}}', code_verifier: `${verifier.slice(1)}x` },
  },
  {
    name: 'with the verifier',
    request: token,
    form: { ...exchangeOfBoard, code: '{{p1}}', code_verifier: verifier },
  },
  {
    name: 'with a plain challenge',
    request: `GET ${authorize}?${board}&state=p2&code_challenge=${verifier}&code_challenge_method=plain`,
    as: 'browser:alice',
    capture: { p2: 'location?code' },
  },
  {
    name: 'with the plain verifier',
    request: token,
    form: { ...exchangeOfBoard, code: '{{p2}}', code_verifier: verifier },
  },
  {
    name: 'with a method nobody knows',
    request: `GET ${authorize}?${board}&state=p3&code_challenge=${challenge}&code_challenge_method=S1`,
    as: 'browser:alice',
  },
]

const ofServers: readonly Step[] = [
  { name: 'a server starts', request: 'POST /hub/api/users/alice/server', as: 'alice' },
  {
    name: 'it is ready',
    request: 'GET /hub/api/users/alice/server',
    as: 'alice',
    until: { field: 'body/ready', equals: true },
  },
  {
    name: 'it says its secret',
    request: 'GET /user/alice/environment',
    as: 'alice',
    capture: { secret: 'body/JUPYTERHUB_API_TOKEN' },
  },
  {
    name: 'the own server need not ask',
    request: `GET ${authorize}?${server}&state=o1`,
    as: 'browser:alice',
    capture: { o1: 'location?code' },
  },
  {
    name: 'exchange for the own server',
    request: token,
    form: {
      client_id: 'jupyterhub-user-alice',
      client_secret: '{{secret}}',
      grant_type: 'authorization_code',
      redirect_uri: '/user/alice/oauth_callback',
      code: '{{o1}}',
    },
    capture: { ofServer: 'body/access_token' },
  },
  { name: 'who it is for the own server', request: 'GET /hub/api/user', as: 'token:ofServer' },
  { name: "somebody else's server", request: `GET ${authorize}?${server}&state=o2`, as: 'browser:bob' },
  { name: 'an administrator is asked', request: `GET ${authorize}?${server}&state=o3`, as: 'browser:admin' },
  { name: 'who signs out', request: 'GET /hub/logout', as: 'browser:alice' },
  { name: 'ends what came of the session', request: 'GET /hub/api/user', as: 'token:ofServer' },
  {
    name: 'and leaves the other tokens',
    request: 'GET /hub/api/users/alice/tokens',
    as: 'alice',
    unordered: { list: 'body/api_tokens', by: 'note' },
  },
  { name: 'stop the server', request: 'DELETE /hub/api/users/alice/server', as: 'alice' },
]

export const oauthServers: Chapter = {
  name: 'oauth-servers',
  title: 'OAuth2: proof of possession, servers as clients, the end of a session',
  steps: [...pkce, ...ofServers],
}
