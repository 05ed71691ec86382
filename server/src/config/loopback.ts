/** Whether a URL is of this machine alone: no other can reach the platform there. */
export function isLoopbackUrl(url: string): boolean {
  const { hostname } = new URL(url)
  return (
    /^127\./.test(hostname) ||
    ['localhost', '[::1]', '0.0.0.0', '[::]'].includes(hostname) ||
    hostname.endsWith('.localhost')
  )
}
