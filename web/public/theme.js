// Before the first paint, so that a chosen theme does not flash in the other one. `ui/theme.ts` writes the choice.
try {
  const theme = localStorage.getItem('atrium-theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is blocked: the system's theme it is.
}
