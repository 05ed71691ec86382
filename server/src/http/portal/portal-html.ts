import type { PortalPage } from '@atrium/contract/portal-page.ts'

/** Stands in `index.html` for the nonce of one answer. */
const nonceMark = '\u0000nonce\u0000'
const pageMark = '\u0000page\u0000'

/** What browsers get while the portal is not built: the API works, and the page says what to do. */
const unbuiltHtml = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Atrium</title>
<script type="application/json" id="atrium-page"></script></head>
<body>
<h1>The portal is not built</h1>
<p>Everything else runs. To build the pages: <code>npm run build --workspace web</code>, then restart Atrium.</p>
</body>
</html>
`

/** Writes the portal's page for one answer. */
export type RenderPortal = (page: PortalPage, options: { nonce: string }) => string

/**
 * Prepares the built `index.html` once: each answer then only joins strings. Every script, style sheet and preload link gets the
 * answer's nonce; `<meta property="csp-nonce">` gives it to those that Vite's loader adds later.
 */
export function createPortalRenderer(indexHtml: string | undefined): RenderPortal {
  const html = (indexHtml ?? unbuiltHtml).replace(/(<script [^>]*id="atrium-page"[^>]*>)/, `$1${pageMark}`)
  if (!html.includes(pageMark)) throw new Error("the portal's index.html has no place for the page's data")
  const template = html
    .replaceAll(/<(script|style|link)\b/g, `<$1 nonce="${nonceMark}"`)
    .replace('</head>', () => `<meta property="csp-nonce" nonce="${nonceMark}"></head>`)
  const segments = template.split(pageMark)
  return (page, { nonce }) =>
    segments.map((segment) => segment.replaceAll(nonceMark, nonce)).join(buildInlineJson(page))
}

/** JSON that cannot end the script element it stands in. */
function buildInlineJson(page: PortalPage): string {
  return JSON.stringify(page).replaceAll('<', '\\u003c')
}

/**
 * The policy of the portal's pages. Scripts run by nonce alone, since `'self'` would include what users' servers on this origin
 * serve. `formTarget` is the origin that a consent form's redirect leads to: browsers hold redirects of a form to `form-action` too.
 */
export function buildContentSecurityPolicy({
  nonce,
  formTarget,
}: {
  nonce: string
  formTarget?: string | undefined
}): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    `form-action 'self'${formTarget === undefined ? '' : ` ${formTarget}`}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}
