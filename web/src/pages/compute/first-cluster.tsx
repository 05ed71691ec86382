import { CodeBlock } from '#ui/code-block.tsx'

/** What makes a cluster, in a notebook of the platform. */
export const clusterCode = `from dask_gateway import Gateway
cluster = Gateway().new_cluster()
client = cluster.get_client()`

const adaptCode = `cluster.scale(4)            # four workers
cluster.adapt(0, 20)        # or as many as the work needs`

const laptopCode = `pip install dask-gateway dask distributed`

/** How one comes to a cluster: a notebook, and three lines in it. */
export function ClusterGuide() {
  return (
    <div className="stack">
      <p>In a notebook of yours:</p>
      <CodeBlock label="Makes a cluster" code={clusterCode} />
      <p>Then say how many workers it gets:</p>
      <CodeBlock label="Asks for workers" code={adaptCode} />
      <p className="muted">
        Workers have the Python environment of the notebook. From your own machine it takes the same lines, a
        token of yours, and <code>{laptopCode}</code>.
      </p>
    </div>
  )
}
