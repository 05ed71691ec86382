import { Type } from 'typebox'

import {
  type BrowserSession,
  type ChangePasswordRequest,
  type CreatedLink,
  type CreateInvitationRequest,
  type CreateLinkRequest,
  type Invitation,
  minPasswordLength,
  type OneTimeLink,
  type SignInRequest,
  type SignInResponse,
  type UseLinkRequest,
} from './account.ts'

/** Longer ones only cost time to hash. */
const maxPasswordLength = 1024

const nameSchema = Type.String({ minLength: 1, maxLength: 255 })
const secretSchema = Type.String({ minLength: 1, maxLength: 200 })
const newPasswordSchema = Type.String({ minLength: minPasswordLength, maxLength: maxPasswordLength })
const timeSchema = Type.Number({ description: 'Milliseconds since the epoch.' })
const purposeSchema = Type.Enum(['sign-in', 'set-password', 'invitation'])

export const signInRequestSchema = Type.Unsafe<SignInRequest>(
  Type.Object({
    username: nameSchema,
    password: Type.String({ maxLength: maxPasswordLength }),
    next: Type.Optional(Type.String()),
  }),
)

export const signInResponseSchema = Type.Unsafe<SignInResponse>(Type.Object({ redirect: Type.String() }))

export const browserSessionSchema = Type.Unsafe<BrowserSession>(
  Type.Object({
    id: Type.String(),
    current: Type.Boolean(),
    createdAtMs: timeSchema,
    lastActivityAtMs: timeSchema,
    expiresAtMs: timeSchema,
    remote: Type.String(),
    userAgent: Type.String(),
  }),
)

export const changePasswordRequestSchema = Type.Unsafe<ChangePasswordRequest>(
  Type.Object({
    currentPassword: Type.Optional(Type.String({ maxLength: maxPasswordLength })),
    newPassword: newPasswordSchema,
  }),
)

export const inspectLinkRequestSchema = Type.Object({ secret: secretSchema })

export const oneTimeLinkSchema = Type.Unsafe<OneTimeLink>(
  Type.Object({
    purpose: purposeSchema,
    user: Type.Optional(Type.String()),
    invitedBy: Type.Optional(Type.String()),
    groups: Type.Optional(Type.Array(Type.String())),
    expiresAtMs: timeSchema,
  }),
)

export const useLinkRequestSchema = Type.Unsafe<UseLinkRequest>(
  Type.Object({
    secret: secretSchema,
    username: Type.Optional(nameSchema),
    password: Type.Optional(newPasswordSchema),
  }),
)

export const createLinkRequestSchema = Type.Unsafe<CreateLinkRequest>(
  Type.Object({ purpose: Type.Enum(['sign-in', 'set-password']) }),
)

export const createInvitationRequestSchema = Type.Unsafe<CreateInvitationRequest>(
  Type.Object({
    username: Type.Optional(nameSchema),
    groups: Type.Optional(Type.Array(nameSchema)),
    admin: Type.Optional(Type.Boolean()),
    expiresInMs: Type.Optional(Type.Integer({ minimum: 60_000, maximum: 365 * 86_400_000 })),
  }),
)

export const createdLinkSchema = Type.Unsafe<CreatedLink>(
  Type.Object({ id: Type.String(), url: Type.String(), expiresAtMs: timeSchema }),
)

export const invitationSchema = Type.Unsafe<Invitation>(
  Type.Object({
    id: Type.String(),
    username: Type.Optional(Type.String()),
    groups: Type.Array(Type.String()),
    createdBy: Type.String(),
    createdAtMs: timeSchema,
    expiresAtMs: timeSchema,
  }),
)
