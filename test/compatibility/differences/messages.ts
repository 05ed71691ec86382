import { anything, type WantedDifference } from './wanted-difference.ts'

/** What errors say. */
export const differencesOfMessages: readonly WantedDifference[] = [
  {
    steps: ['*'],
    fields: { 'body/*code': /^[a-z_]+$/ },
    jupyterhub: 'none',
    atrium: 'the error’s name: `not_found`',
    reason:
      'Programs should not have to read messages. Clients of JupyterHub ignore fields they do not know.',
    reference: undefined,
  },
  {
    steps: ['*'],
    fields: { 'body/message': /^[A-Z][\w :.']+$/ },
    jupyterhub: '`null` where the hub has nothing to say',
    atrium: 'what is wrong: `Not Found`, `Missing or invalid credentials.`',
    reason: 'JupyterHub means to say it, and lost the text to a change in Tornado 6.6.',
    reference: null,
  },
  {
    steps: ['*'],
    fields: { 'body/message': /^(Invalid server_name|Invalid display_name|Not a valid timestamp): "/ },
    jupyterhub: "values as Python writes them: `'a'`",
    atrium: 'as JSON does: `"a"`',
    reason: 'Nobody should need Python to read them.',
    reference: /^(Invalid server_name|Invalid display_name|Not a valid timestamp): '/,
  },
  {
    steps: ['tokens/*'],
    fields: { 'body/message': /^(Scope|Draft)/ },
    jupyterhub: 'in quotes: `"Scope \'x\' for token does not exist"`',
    atrium: 'without them',
    reason: 'The quotes are Python’s.',
    reference: /^"(Scope|Draft)/,
  },
  {
    steps: ['tokens/an empty filter'],
    fields: { 'body/message': /^Scope filter/ },
    jupyterhub: 'an empty filter is none, so the scope is too wide',
    atrium: 'there is no empty filter',
    reason: 'Who writes `read:users!` forgot something. Both refuse.',
  },
  {
    steps: ['shares/share *', 'share-codes/make one *'],
    fields: { 'body/message': /^[^\n]+$/ },
    jupyterhub: 'pages of pydantic',
    atrium: 'a sentence',
    reason: 'A person reads it.',
    reference: /validation error/,
  },
  {
    steps: ['services/create one with scopes nobody knows', 'shar*a scope nobody knows'],
    fields: { status: 400, 'body/status': 400, 'body/message': anything },
    jupyterhub: '500',
    atrium: '400',
    reason: 'It is the client’s mistake, not the hub’s.',
  },
  {
    steps: ['services/another proxy, broken'],
    fields: { 'body/message': 'Invalid JSON in body of request' },
    jupyterhub: 'Request body must be JSON dict',
    atrium: 'Invalid JSON in body of request',
    reason: 'As everywhere else.',
  },
  {
    steps: ['cookies/*'],
    fields: { 'body/message': /^Missing or invalid credentials\.$|Reload the page/ },
    jupyterhub: "`'_xsrf' argument missing from GET`",
    atrium: 'that the page’s proof is missing or old, and what to do',
    reason: 'People read it after a night with an open tab.',
    reference: /_xsrf|XSRF/,
  },
]
