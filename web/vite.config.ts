import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

import { compressBuild } from './build/compress-build.ts'
import { serveMockApi } from './mock-api/vite-plugin.ts'

/** The control plane serves the build under this path. */
const base = '/hub/static/'

export default defineConfig({
  base,
  plugins: [react(), compressBuild(), serveMockApi(base)],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    cssCodeSplit: false,
    // Three files: what everybody loads, and what who computes and who administers loads besides.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: 'portal',
              test: /^(?!.*(\/src\/(pages|forms)\/(admin|compute)\/|\/contract\/src\/cron))/,
              priority: 1,
            },
            { name: 'compute', test: /\/src\/(pages|forms)\/compute\/|\/contract\/src\/cron/ },
            { name: 'admin', test: /\/src\/(pages|forms)\/admin\// },
          ],
        },
      },
    },
  },
})
