/** `POST /api/v1/session`: signs in by password and sets the session cookie. */
export interface SignInRequest {
  username: string
  password: string
  /** Where the person was going; only a path of this origin is followed. */
  next?: string
}

/** Where the browser goes after signing in, up or out. */
export interface SignInResponse {
  redirect: string
}

/** A browser that is signed in (`GET /api/v1/account/sessions`). */
export interface BrowserSession {
  id: string
  current: boolean
  createdAtMs: number
  lastActivityAtMs: number
  expiresAtMs: number
  /** Address it was last used from. */
  remote: string
  userAgent: string
}

/** `POST /api/v1/account/password`. Ends all other sessions. */
export interface ChangePasswordRequest {
  /** May be absent only for an account without a password. */
  currentPassword?: string
  newPassword: string
}

/** The page that opens each kind of one-time link. */
const linkPages = {
  'sign-in': 'first-visit',
  'set-password': 'set-password',
  invitation: 'invitation',
} as const

/** A one-time link as people get it. The secret stands in the fragment, which browsers send to nobody. */
export function buildLinkUrl(publicUrl: string, purpose: OneTimeLink['purpose'], secret: string): string {
  return `${publicUrl}/hub/${linkPages[purpose]}#token=${secret}`
}

/** What a one-time link opens (`POST /api/v1/links/inspect` with its secret, which stands in the URL's fragment and nowhere else). */
export interface OneTimeLink {
  purpose: 'sign-in' | 'set-password' | 'invitation'
  /** Whose account; absent for an invitation that lets the guest choose the name. */
  user?: string
  /** Who made it: `user:ada`; `system` for the first administrator's. */
  invitedBy?: string
  groups?: readonly string[]
  expiresAtMs: number
}

/** `POST /api/v1/links/use`. */
export interface UseLinkRequest {
  secret: string
  /** For an invitation without a name. */
  username?: string
  /** For `set-password` and invitations; optional for the first sign-in. */
  password?: string
}

/** `POST /api/v1/invitations`. */
export interface CreateInvitationRequest {
  /** The name the account will have; absent: the guest chooses. */
  username?: string
  groups?: readonly string[]
  admin?: boolean
  /** Default seven days. */
  expiresInMs?: number
}

/** `POST /api/v1/users/:user/links`. */
export interface CreateLinkRequest {
  purpose: 'sign-in' | 'set-password'
}

/** An answer that holds a link: shown once, since only its hash is kept. */
export interface CreatedLink {
  id: string
  url: string
  expiresAtMs: number
}

/** An open invitation (`GET /api/v1/invitations`). */
export interface Invitation {
  id: string
  username?: string
  groups: readonly string[]
  createdBy: string
  createdAtMs: number
  expiresAtMs: number
}

/** The shortest password that is accepted. */
export const minPasswordLength = 8
