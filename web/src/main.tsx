import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import './styles/tokens.css'
import './styles/base.css'
import { createQueryClient } from '#api/query-client.ts'
import { Portal } from '#pages/layout/portal.tsx'
import { hubPrefix } from '#paths.ts'
import { ToastProvider } from '#ui/toast.tsx'

const root = document.getElementById('root')
if (!root) throw new Error('the page has no place for the portal')

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={createQueryClient()}>
      <ToastProvider>
        <BrowserRouter basename={hubPrefix}>
          <Portal />
        </BrowserRouter>
      </ToastProvider>
    </QueryClientProvider>
  </StrictMode>,
)
