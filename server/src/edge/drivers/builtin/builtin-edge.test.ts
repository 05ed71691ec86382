import { edgeConformance } from '#edge/conformance/edge-conformance.ts'
import { startTestEdgeProcess } from './test-edge-process.ts'

edgeConformance('builtin', {
  serves: true,
  async create() {
    const { edge, kill, dispose } = await startTestEdgeProcess()
    return { edge, restart: kill, dispose }
  },
})
