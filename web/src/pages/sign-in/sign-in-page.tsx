import { Navigate, useSearchParams } from 'react-router'

import { SignInForm } from '#forms/sign-in-form.tsx'
import { portalPage } from '#page-data.ts'
import { paths } from '#paths.ts'
import { buttonClass } from '#ui/button.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'

/** The ways in that this installation offers. */
export function SignInPage() {
  const [search] = useSearchParams()
  const { signIn, user } = portalPage
  const next = search.get('next') ?? undefined
  if (user && !next) return <Navigate to={paths.home()} replace />
  return (
    <div className="plain-card">
      <PageHeader title="Sign in" />
      {signIn.providers.map((provider) => (
        <a key={provider.name} className={buttonClass()} href={provider.url}>
          {provider.label}
        </a>
      ))}
      {signIn.password && <SignInForm next={next} />}
      {!signIn.password && signIn.providers.length === 0 && (
        <Notice tone="warn" title="No way to sign in is configured">
          Whoever runs this platform can make a one-time link with <code>atrium user link</code>.
        </Notice>
      )}
      <p className="muted">No account or no password? Ask an administrator for a link.</p>
    </div>
  )
}
