/** A page that says one thing and offers at most one way on. */
export interface Page {
  title: string
  message: string
  action?: { label: string; href: string }
  /** Seconds after which it loads itself again. */
  reloadAfterS?: number
}

/** Looks like the portal's own pages. Nothing is fetched: the page works while everything else is down. */
const style = `
:root{color-scheme:light dark;--canvas:light-dark(#f8fafc,#0e1014);--surface:light-dark(#fff,#15181d);
--border:light-dark(#dee1e5,#2b2f36);--text:light-dark(#171c26,#ecedef);--muted:light-dark(#555c67,#a5abb4);
--accent:light-dark(#2f57c4,#3d66c9)}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;gap:1.5rem;padding:clamp(2rem,12vh,7rem) 1rem 2rem;
background:var(--canvas);color:var(--text);font:.875rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}
header{display:flex;align-items:center;gap:.625rem;font-size:1.25rem;font-weight:620;letter-spacing:-.012em}
main{width:min(25rem,100%);padding:1.5rem;background:var(--surface);border:1px solid var(--border);border-radius:10px}
h1{margin:0 0 .25rem;font-size:1.1875rem;line-height:1.25;font-weight:620;overflow-wrap:anywhere;text-wrap:balance}
p{margin:0;color:var(--muted);overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:.5rem;margin-top:1.25rem}
a{flex:1;padding:.4375rem .8125rem;border:1px solid var(--border);border-radius:6px;color:inherit;font-weight:540;line-height:1.25;
text-align:center;text-decoration:none;white-space:nowrap}
a.action{border-color:transparent;background:var(--accent);color:#fff}
a:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
`

/** The mark of `web/public/mark.svg`, and the name beside it. */
const brand = `<header>
<svg width="32" height="32" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#2f57c4"/><path
d="M8 25V15a8 8 0 0 1 16 0v10M13.5 25v-9a2.5 2.5 0 0 1 5 0v9" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>
<span>Atrium</span>
</header>`

/** Writes the page. Texts may hold anything: they are escaped here. */
export function buildPage({ title, message, action, reloadAfterS }: Page): string {
  const refresh = reloadAfterS === undefined ? '' : `<meta http-equiv="refresh" content="${reloadAfterS}">`
  const reloading = reloadAfterS === undefined ? '' : ' This page tries again by itself.'
  const button =
    action === undefined
      ? ''
      : `<a class="action" href="${escapeHtml(action.href)}">${escapeHtml(action.label)}</a>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh}<title>${escapeHtml(title)} · Atrium</title>
<style>${style}</style>
</head>
<body>
${brand}
<main>
<h1>${escapeHtml(title)}</h1>
<p role="status">${escapeHtml(message)}${reloading}</p>
<nav aria-label="What next">${button}<a href="/hub/home">Go home</a></nav>
</main>
</body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
