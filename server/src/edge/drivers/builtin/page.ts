/** A page that says one thing and offers at most one way on. */
export interface Page {
  title: string
  message: string
  action?: { label: string; href: string }
  /** Seconds after which it loads itself again. */
  reloadAfterS?: number
}

/** Nothing is fetched: the page works while everything else is down. */
const style = `
:root{color-scheme:light dark;--canvas:light-dark(#f9fafb,#0f1216);--surface:light-dark(#fff,#171b20);
--border:light-dark(#dfe2e6,#2c3138);--text:light-dark(#181c22,#edeff2);--muted:light-dark(#545b66,#a6adb8);
--accent:light-dark(#2f55c8,#3d63d6)}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--canvas);color:var(--text);
font:0.9375rem/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}
main{width:100%;max-width:28rem;padding:2rem;background:var(--surface);border:1px solid var(--border);border-radius:10px}
h1{margin:0 0 .5rem;font-size:1.25rem;line-height:1.3;font-weight:620;overflow-wrap:anywhere;text-wrap:balance}
p{margin:0;color:var(--muted);overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:1rem;align-items:center;margin-top:1.5rem}
a{color:inherit;text-underline-offset:.2em}
a.action{padding:.55rem 1rem;border-radius:6px;background:var(--accent);color:#fff;font-weight:600;text-decoration:none}
a:focus-visible{outline:3px solid var(--accent);outline-offset:3px;border-radius:6px}
@media (max-width:30rem){main{padding:1.5rem}}
`

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
<main>
<h1>${escapeHtml(title)}</h1>
<p role="status">${escapeHtml(message)}${reloading}</p>
<nav aria-label="What next">${button}<a href="/hub/home">Home</a></nav>
</main>
</body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
