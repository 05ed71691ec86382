import { describe } from 'node:test'

import { registerCancellingCases } from './cancelling-cases.ts'
import { registerCapacityCases } from './capacity-cases.ts'
import { type ConformanceOptions, createRegistrar } from './conformance-site.ts'
import { registerContextCases } from './context-cases.ts'
import { registerObservingCases } from './observing-cases.ts'
import { registerOutputCases } from './output-cases.ts'
import { registerSubmittingCases } from './submitting-cases.ts'

/**
 * Registers with node:test what every driver has to do, against the real scheduler behind it. Each case gets a site of its own from
 * `create` and disposes of it. What a driver declares that it cannot do is skipped, with the reason printed.
 */
export function schedulerConformance(name: string, options: ConformanceOptions): void {
  // Seen by `a job does not inherit the control plane's environment`; set before any site exists.
  process.env['ATRIUM_CONFORMANCE_LEAK'] = 'leaked'
  const conformant = createRegistrar(options)
  describe(`scheduler conformance: ${name}`, () => {
    describe('submitting', () => registerSubmittingCases(conformant))
    describe('observing', () => registerObservingCases(conformant))
    describe('cancelling', () => registerCancellingCases(conformant))
    describe('output', () => registerOutputCases(conformant))
    describe('context', () => registerContextCases(conformant))
    describe('capacity', () => registerCapacityCases(conformant))
  })
}
