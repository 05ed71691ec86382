import { Component, type ReactNode } from 'react'

import { ErrorPage } from '#pages/errors/error-page.tsx'

import { PlainLayout } from './plain-layout.tsx'

/** Shows a page that says what to do when a component breaks or a part of the portal cannot be loaded any more. */
export class CrashBoundary extends Component<{ children: ReactNode }, { crashed: boolean }> {
  override state = { crashed: false }

  static getDerivedStateFromError() {
    return { crashed: true }
  }

  override render() {
    if (!this.state.crashed) return this.props.children
    return (
      <PlainLayout>
        <ErrorPage
          status={500}
          message="This page broke. It may be older than the platform: reload it. Your servers are not affected."
        />
      </PlainLayout>
    )
  }
}
