import { anything, type WantedDifference } from './wanted-difference.ts'

/** Starting, stopping and what a server is told. */
export const differencesOfServers: readonly WantedDifference[] = [
  {
    steps: ['*'],
    fields: { 'body/JUPYTERHUB_API_URL': /^<origin>/, 'body/JUPYTERHUB_ACTIVITY_URL': /^<origin>/ },
    jupyterhub: 'the hub’s own port',
    atrium: 'the edge’s',
    reason: 'The edge stays when the control plane restarts, so a server’s requests wait instead of failing.',
  },
  {
    steps: ['named-servers/*'],
    fields: { 'body/JUPYTERHUB_CLIENT_ID': 'jupyterhub-user-alice!bench' },
    jupyterhub: '`jupyterhub-user-alice-bench`',
    atrium: '`jupyterhub-user-alice!bench`',
    reason: 'With a hyphen it is also the client of a user who is called `alice-bench`.',
    reference: 'jupyterhub-user-alice-bench',
  },
  {
    steps: ['*'],
    fields: { 'body/JUPYTERHUB_DEFAULT_URL': '/lab' },
    jupyterhub: 'none, unless configured',
    atrium: '`/lab`',
    reason: '`servers.defaultUrl` has a default.',
    reference: undefined,
  },
  {
    steps: ['named-servers/its progress to the end'],
    fields: { 'body/before/*': anything },
    jupyterhub: 'requested, spawning, ready',
    atrium: 'each step of the job; the last event is the same',
    reason: 'A start is a job: it can wait in a queue, and says so.',
  },
  {
    steps: ['named-servers/start one that breaks'],
    fields: { 'body/message': /exit status 3/ },
    jupyterhub: '`Internal Server Error`',
    atrium: 'why it failed: `It ended with exit status 3.`',
    reason: 'A failure shows its cause.',
  },
  {
    steps: ['named-servers/its progress tells'],
    fields: {
      'body/last/message': /exit status 3/,
      'body/last/html_message': /this server is broken on purpose/,
    },
    jupyterhub: 'that nobody answered in time',
    atrium: 'why it failed, with the last lines of the log',
    reason: 'A failure shows its cause.',
  },
]
