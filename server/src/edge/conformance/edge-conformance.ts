import { describe } from 'node:test'
import { registerAccessCases } from './access-cases.ts'
import { registerActivityCases } from './activity-cases.ts'
import { registerClusterCases } from './cluster-cases.ts'
import { type ConformanceOptions, createRegistrar } from './conformance-site.ts'
import { registerPushingCases } from './pushing-cases.ts'
import { registerRoutingCases } from './routing-cases.ts'
import { registerTunnelCases } from './tunnel-cases.ts'

/**
 * Registers with node:test what every driver has to do. A driver that serves no requests is asked for its bookkeeping alone; the other
 * cases are skipped, and say so.
 */
export function edgeConformance(name: string, options: ConformanceOptions): void {
  const { recorded, served } = createRegistrar(options)
  describe(`edge conformance: ${name}`, () => {
    describe('pushing', () => registerPushingCases(recorded, options))
    describe('routing', () => registerRoutingCases(served))
    describe('access', () => registerAccessCases(served))
    describe('clusters', () => registerClusterCases(served))
    describe('tunnels', () => registerTunnelCases(served))
    describe('activity', () => registerActivityCases(served))
  })
}
