import type { Chapter } from './step.ts'

export const startPages: Chapter = {
  name: 'start-pages',
  title: 'Pages that start servers',
  steps: [
    { name: 'start by the page', request: 'GET /hub/spawn', as: 'browser:alice' },
    {
      name: 'it becomes ready',
      request: 'GET /hub/api/users/alice/server',
      as: 'alice',
      until: { field: 'body/ready', equals: true },
    },
    { name: 'start what runs', request: 'GET /hub/spawn', as: 'browser:alice' },
    {
      name: 'start what runs with next',
      request: 'GET /hub/spawn/alice?next=%2Fuser%2Falice%2Ftree',
      as: 'browser:alice',
    },
    {
      name: 'start what runs by its form',
      request: 'POST /hub/spawn/alice',
      as: 'browser:alice',
      form: {},
      xsrf: 'form',
    },
    { name: 'start without the form', request: 'POST /hub/spawn/alice', as: 'browser:alice', form: {} },
    { name: 'its progress page', request: 'GET /hub/spawn-pending/alice', as: 'browser:alice' },
    {
      name: 'its progress page with next',
      request: 'GET /hub/spawn-pending/alice?next=%2Fuser%2Falice%2Ftree',
      as: 'browser:alice',
    },
    { name: 'the hub leads there', request: 'GET /hub/', as: 'browser:alice' },
    { name: 'signing in leads there', request: 'GET /hub/login', as: 'browser:alice' },
    { name: 'the page on the hub leads there', request: 'GET /hub/user/alice/tree?a=1', as: 'browser:alice' },
    { name: 'a link to oneself leads on', request: 'GET /hub/user-redirect/lab/tree/x', as: 'browser:alice' },
    { name: 'the server itself', request: 'GET /user/alice/tree?a=1', as: 'alice' },
    { name: 'the server itself without its slash', request: 'GET /user/alice', as: 'browser:alice' },
    { name: 'stop it', request: 'DELETE /hub/api/users/alice/server', as: 'alice' },
    {
      name: 'it is stopped',
      request: 'GET /hub/api/users/alice/server',
      as: 'alice',
      until: { field: 'body/stopped', equals: true },
    },
    { name: 'start a named one by the page', request: 'GET /hub/spawn/alice/lab', as: 'browser:alice' },
    {
      name: 'it becomes ready, too',
      request: 'GET /hub/api/users/alice/servers/lab',
      as: 'alice',
      until: { field: 'body/ready', equals: true },
    },
    { name: 'start the named one again', request: 'GET /hub/spawn/alice/lab', as: 'browser:alice' },
    {
      name: 'a page of the named one on the hub',
      request: 'GET /hub/user/alice/lab/tree',
      as: 'browser:alice',
    },
    {
      name: 'start a named one by a bad name',
      request: 'GET /hub/spawn/alice/Bad%20Name',
      as: 'browser:alice',
    },
    {
      name: 'start with options in the URL',
      request: 'GET /hub/spawn/alice?opt-size=small',
      as: 'browser:alice',
    },
    {
      name: 'they were taken',
      request: 'GET /hub/api/users/alice/server',
      as: 'alice',
      until: { field: 'body/ready', equals: true },
    },
  ],
}
