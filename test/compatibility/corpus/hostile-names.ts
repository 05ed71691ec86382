import { type Chapter, type Step, unordered } from './step.ts'

/** Names an attacker would choose, as they stand in a URL. */
const hostile: ReadonlyMap<string, string> = new Map([
  ['a shell substitution', '$(x)'],
  ['a backtick', '`x`'],
  ['a line break', 'a\nb'],
  ['a leading dash', '-rf'],
  ['a carriage return', 'a\rb'],
  ['a NUL', 'a\0b'],
  ['a quote', `a'b"c`],
  ['an HTML tag', '<b>x</b>'],
  ['a look-alike', 'аlice'],
  ['a percent sign', '100%'],
  ['a semicolon', 'a;b'],
  ['a question mark', 'a?b'],
  ['a hash', 'a#b'],
  ['an at sign', 'a@b.example'],
  ['an emoji', '🦊'],
  ['300 letters', 'n'.repeat(300)],
])

function askAboutName([kind, name]: readonly [string, string]): readonly Step[] {
  const path = encodeURIComponent(name)
  return [
    { name: `${kind}: create`, request: `POST /hub/api/users/${path}`, as: 'admin' },
    { name: `${kind}: read`, request: `GET /hub/api/users/${path}`, as: 'admin' },
    {
      name: `${kind}: in a list`,
      request: 'POST /hub/api/users',
      as: 'admin',
      json: { usernames: [`${name}2`] },
    },
    { name: `${kind}: delete`, request: `DELETE /hub/api/users/${path}`, as: 'admin' },
  ]
}

function askAboutServer([kind, name]: readonly [string, string]): readonly Step[] {
  const path = encodeURIComponent(name)
  return [{ name: `${kind}: as a server`, request: `POST /hub/api/users/alice/servers/${path}`, as: 'alice' }]
}

export const hostileNames: Chapter = {
  name: 'hostile-names',
  title: 'Names of users, servers and groups that attack',
  steps: [
    ...[...hostile].flatMap(askAboutName),
    ...[...hostile].flatMap(askAboutServer),
    { name: 'a server name with capitals', request: 'POST /hub/api/users/alice/servers/Lab', as: 'alice' },
    { name: 'a server name with two dashes', request: 'POST /hub/api/users/alice/servers/a--b', as: 'alice' },
    {
      name: 'a server name that ends in a dash',
      request: 'POST /hub/api/users/alice/servers/a-',
      as: 'alice',
    },
    {
      name: 'a server name that begins with a digit',
      request: 'POST /hub/api/users/alice/servers/1a',
      as: 'alice',
    },
    {
      name: 'a server name of 31 letters',
      request: `POST /hub/api/users/alice/servers/${'a'.repeat(31)}`,
      as: 'alice',
    },
    { name: 'a server name that climbs', request: 'POST /hub/api/users/alice/servers/..%2f..', as: 'alice' },
    {
      name: 'a display name with a control character',
      request: 'PUT /hub/api/users/alice/servers/shown',
      as: 'alice',
      json: { display_name: 'a\u0007b' },
    },
    {
      name: 'a display name of 256 letters',
      request: 'PUT /hub/api/users/alice/servers/shown',
      as: 'alice',
      json: { display_name: 'd'.repeat(256) },
    },
    {
      name: 'a display name with two spaces',
      request: 'PUT /hub/api/users/alice/servers/shown',
      as: 'alice',
      json: { display_name: 'a  b' },
    },
    {
      name: 'a group with a shell substitution',
      request: 'POST /hub/api/groups/%24(x)',
      as: 'admin',
      json: {},
    },
    { name: 'a group with a line break', request: 'POST /hub/api/groups/a%0Ab', as: 'admin', json: {} },
    { name: 'a group with a slash', request: 'POST /hub/api/groups/a%2Fb', as: 'admin', json: {} },
    {
      name: 'a group of 300 letters',
      request: `POST /hub/api/groups/${'g'.repeat(300)}`,
      as: 'admin',
      json: {},
    },
    { name: 'the groups that came of it', request: 'GET /hub/api/groups', as: 'admin', unordered },
    {
      name: 'rename somebody to a shell substitution',
      request: 'PATCH /hub/api/users/dave',
      as: 'admin',
      json: { name: '$(x)' },
    },
    {
      name: 'rename somebody to a line break',
      request: 'PATCH /hub/api/users/%24(x)',
      as: 'admin',
      json: { name: 'a\nb' },
    },
  ],
}
