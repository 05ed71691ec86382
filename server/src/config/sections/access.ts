import { Type } from 'typebox'

import { durationType } from '#config/units.ts'

const names = (description: string) => Type.Array(Type.String(), { description, default: [] })

export const signInSection = Type.Object(
  {
    pam: Type.Enum(['auto', 'on', 'off'], {
      description: "Sign in with the machine's own accounts. `auto`: when the platform runs as root.",
      default: 'auto',
    }),
    pamService: Type.String({
      description: 'PAM service that is asked.',
      default: 'login',
      pattern: '^[A-Za-z0-9_-]+$',
    }),
    session: durationType({
      description: 'A browser stays signed in this long after its last visit.',
      default: '14d',
    }),
    landing: Type.Enum(['home', 'server'], {
      description:
        'Where people land who were not going anywhere in particular: on their home page, or in their default server, which starts.',
      default: 'home',
    }),
    invitation: durationType({
      description: 'An invitation or one-time link is good for this long.',
      default: '7d',
    }),
  },
  { additionalProperties: false, default: {}, description: 'How people sign in.' },
)

export const groupsSection = Type.Record(
  Type.String({ minLength: 1, maxLength: 255 }),
  Type.Object(
    {
      users: names('Members.'),
      properties: Type.Record(Type.String(), Type.Unknown(), {
        description: 'Free data of the group.',
        default: {},
      }),
    },
    { additionalProperties: false },
  ),
  { description: 'Groups that exist from the start; more come by portal and API.', default: {} },
)

export const rolesSection = Type.Array(
  Type.Object(
    {
      name: Type.String({
        description: 'Lower-case letters, digits and -_.~',
        pattern: '^[a-z][a-z0-9\\-_~.]{1,253}[a-z0-9]$',
      }),
      description: Type.String({ default: '' }),
      scopes: names("JupyterHub's scopes: `read:users!group=physics`."),
      users: names('Users who have the role.'),
      groups: names('Groups whose members have the role.'),
      services: names('Services that have the role.'),
    },
    { additionalProperties: false },
  ),
  { description: "Roles, JupyterHub's meaning. A default role of the same name is replaced.", default: [] },
)

export const servicesSection = Type.Array(
  Type.Object(
    {
      name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$', maxLength: 63 }),
      url: Type.Optional(
        Type.String({
          description: 'Where it answers; reached by users under /services/NAME/.',
          pattern: '^https?://',
        }),
      ),
      command: Type.Optional(
        Type.Array(Type.String(), {
          minItems: 1,
          description: 'argv of a service that the platform runs and keeps running.',
        }),
      ),
      environment: Type.Record(Type.String(), Type.String(), { description: 'For `command`.', default: {} }),
      apiTokenFile: Type.Optional(
        Type.String({ description: "File with the service's API token; absent: one is made for `command`." }),
      ),
      admin: Type.Boolean({ description: 'May do everything. Prefer a role.', default: false }),
      display: Type.Boolean({ description: 'Listed in the portal.', default: true }),
      info: Type.Record(Type.String(), Type.Unknown(), { default: {} }),
      oauthRedirectUri: Type.Optional(Type.String({ description: 'Default: /services/NAME/oauth_callback' })),
      oauthClientId: Type.Optional(Type.String({ description: 'Default: service-NAME' })),
      oauthNoConfirm: Type.Boolean({ description: 'No consent page for this service.', default: false }),
      oauthClientAllowedScopes: names('Scopes its OAuth tokens may carry besides access to itself.'),
    },
    { additionalProperties: false },
  ),
  { description: "External or managed services, JupyterHub's meaning.", default: [] },
)
