import type { Chapter } from './step.ts'

const path = '/hub/api/users/alice/activity'
const past = '2026-01-01T00:00:00.000000Z'

export const activity: Chapter = {
  name: 'activity',
  title: 'Activity',
  steps: [
    { name: 'of the user', request: `POST ${path}`, as: 'alice', json: { last_activity: past } },
    {
      name: 'of the default server',
      request: `POST ${path}`,
      as: 'alice',
      json: { servers: { '': { last_activity: past } } },
    },
    {
      name: 'of both',
      request: `POST ${path}`,
      as: 'alice',
      json: { last_activity: past, servers: { '': { last_activity: past } } },
    },
    { name: 'the server has it', request: 'GET /hub/api/users/alice/server', as: 'alice' },
    {
      name: 'with a time zone',
      request: `POST ${path}`,
      as: 'alice',
      json: { last_activity: '2026-01-01T02:00:00+02:00' },
    },
    {
      name: 'without a time zone',
      request: `POST ${path}`,
      as: 'alice',
      json: { last_activity: '2026-01-01T02:00:00' },
    },
    { name: 'no time at all', request: `POST ${path}`, as: 'alice', json: { last_activity: 'soon' } },
    { name: 'a number for a time', request: `POST ${path}`, as: 'alice', json: { last_activity: 5 } },
    {
      name: 'far in the future',
      request: `POST ${path}`,
      as: 'alice',
      json: { last_activity: '2999-01-01T00:00:00Z' },
    },
    {
      name: 'of a server that is not',
      request: `POST ${path}`,
      as: 'alice',
      json: { servers: { lab: { last_activity: past } } },
    },
    {
      name: 'of a server without a time',
      request: `POST ${path}`,
      as: 'alice',
      json: { servers: { '': {} } },
    },
    {
      name: 'of a server that is a text',
      request: `POST ${path}`,
      as: 'alice',
      json: { servers: { '': past } },
    },
    { name: 'of servers that are a list', request: `POST ${path}`, as: 'alice', json: { servers: [past] } },
    { name: 'of nothing', request: `POST ${path}`, as: 'alice', json: {} },
    { name: 'without a body', request: `POST ${path}`, as: 'alice' },
    { name: 'a body that is a list', request: `POST ${path}`, as: 'alice', json: [past] },
    { name: 'a body that is broken', request: `POST ${path}`, as: 'alice', body: '{' },
    {
      name: 'for somebody else',
      request: 'POST /hub/api/users/bob/activity',
      as: 'alice',
      json: { last_activity: past },
    },
    {
      name: 'for somebody by an administrator',
      request: 'POST /hub/api/users/bob/activity',
      as: 'admin',
      json: { last_activity: past },
    },
    { name: 'the user has it', request: 'GET /hub/api/users/bob', as: 'admin' },
    {
      name: 'for nobody',
      request: 'POST /hub/api/users/nobody/activity',
      as: 'admin',
      json: { last_activity: past },
    },
    { name: 'by a stranger', request: `POST ${path}`, json: { last_activity: past } },
    { name: 'by a report', request: `POST ${path}`, as: 'service:reporter', json: { last_activity: past } },
    { name: 'cannot be read here', request: `GET ${path}`, as: 'alice' },
  ],
}
