import { edgeConformance } from '#edge/conformance/edge-conformance.ts'
import { createTestEdges } from './test-external-edge.ts'

edgeConformance('two external edges', {
  serves: true,
  fillsByItself: true,
  async create() {
    const edges = await createTestEdges()
    const [first] = await Promise.all([edges.start(1), edges.start(2)])
    return {
      edge: edges.connect(),
      async restart() {
        await first.kill()
        await edges.start(1)
      },
      dispose: () => edges.dispose(),
    }
  },
})
