/**
 * What the control plane writes into every page of the portal, so that the first paint needs no request: as JSON inside the empty
 * `<script type="application/json" id="atrium-page"></script>` of the portal's `index.html`, with `<` escaped as `\u003c`. Nothing secret
 * but the anti-forgery token, which belongs to this browser anyway. The portal's files are served under `/hub/static/`.
 */
export interface PortalPage {
  /** Atrium's own version. */
  version: string
  /** What this installation calls itself: a window title and the word beside the mark. */
  platformName: string
  /** Goes back as the header `X-XSRFToken`, and as the field `_xsrf` of forms that the browser posts by itself. */
  xsrfToken: string
  /** Who is signed in. */
  user: PortalUser | null
  /** The ways in that the sign-in page offers. */
  signIn: SignInOptions
  /** A line from the administrators, shown above every page. Plain text. */
  announcement?: string
  content: PageContent
}

/** The person in front of the page. */
export interface PortalUser {
  name: string
  admin: boolean
  groups: readonly string[]
  /** Expanded: what decides which pages and buttons are offered. The server decides again on every request. */
  scopes: readonly string[]
}

export interface SignInOptions {
  /** User name and password (local accounts, PAM). */
  password: boolean
  /** Buttons that lead elsewhere. */
  providers: readonly { name: string; label: string; url: string }[]
  /** Why the last try failed, when the browser posted the form by itself (`POST /hub/login`). */
  failure?: string
}

/** What the page is of, where its URL alone does not say it. */
export type PageContent =
  /** The portal finds its page by the URL. */
  | { kind: 'portal' }
  /** An error answer to a browser: 403, 404, 424 (the server is not running), 500, 503. `action`: the way on, for the main button. */
  | {
      kind: 'error'
      status: number
      message: string
      detail?: string
      action?: { label: string; url: string }
    }
  | { kind: 'consent'; consent: OauthConsent }
  | { kind: 'accept-share'; share: OfferedShare }

/** The question "may this application act for you?"; answered by a POST of `scopes` (repeated) and `_xsrf` to the same URL. */
export interface OauthConsent {
  clientId: string
  /** Its description, or a sentence that says whose server it is. */
  clientName: string
  /** Host of the redirect URI, for people to compare. */
  redirectHost: string
  scopes: readonly ScopeDescription[]
}

/** A scope in words. */
export interface ScopeDescription {
  scope: string
  description: string
  /** What it is limited to: `for bob's servers`. */
  filter?: string
}

/** A share code that was opened as a link; accepted by a POST of `_xsrf` to the same URL. */
export interface OfferedShare {
  owner: string
  /** Empty: the default server. */
  server: string
  scopes: readonly ScopeDescription[]
  expiresAtMs?: number
}
