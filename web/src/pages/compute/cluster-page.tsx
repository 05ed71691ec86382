import type { ClusterDetail } from '@atrium/contract/clusters-api.ts'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { Link, useParams } from 'react-router'

import { clusterQuery } from '#api/clusters.ts'
import { messageOf } from '#api/http.ts'
import { mayUseOf, signedInUser } from '#page-data.ts'
import { paths } from '#paths.ts'
import { Card } from '#ui/card.tsx'
import { CodeBlock } from '#ui/code-block.tsx'
import { Facts } from '#ui/facts.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { ClusterActions } from './cluster-actions.tsx'
import { listClusterFacts } from './cluster-facts.tsx'
import { ClusterLog } from './cluster-log.tsx'
import { ClusterStateBadge, describeTimeouts, shortNameOf } from './cluster-words.tsx'
import { ClusterWorkers } from './cluster-workers.tsx'
import './compute.css'

/** One Dask cluster: how it is, its workers, what it and they print. */
export function ClusterPage() {
  const { cluster: name = '' } = useParams()
  const { data: cluster, error } = useQuery(clusterQuery(name))
  const isOwn = !cluster || cluster.user === signedInUser().name
  const title = `Cluster ${shortNameOf({ name })}`
  return (
    <>
      <PageHeader
        title={title}
        heading={
          <span className="row">
            {title}
            {cluster && <ClusterStateBadge state={cluster.state} />}
          </span>
        }
        {...(!isOwn && { description: `Belongs to ${cluster.user}.` })}
        back={<Link to={isOwn ? paths.clusters() : paths.admin.clusters()}>Clusters</Link>}
        actions={cluster && <ClusterActions cluster={cluster} place="page" />}
      />
      {error && !cluster && (
        <Notice tone="bad" title="This cluster cannot be shown">
          {messageOf(error)}
        </Notice>
      )}
      {cluster ? <ClusterDetails cluster={cluster} /> : !error && <Skeleton lines={6} />}
    </>
  )
}

function ClusterDetails({ cluster }: { cluster: ClusterDetail }) {
  const [worker, setWorker] = useState('')
  const log = useRef<HTMLDivElement>(null)
  const showLog = (wanted: string) => {
    setWorker(wanted)
    log.current?.scrollIntoView({ block: 'nearest' })
    log.current?.querySelector('select')?.focus({ preventScroll: true })
  }
  const { state, message } = cluster
  return (
    <>
      {message && <Notice tone={state === 'failed' ? 'bad' : 'info'}>{message}</Notice>}
      <Card title="State" {...(hasLife(cluster) && { description: describeTimeouts(cluster) })}>
        <Facts facts={listClusterFacts(cluster)} />
      </Card>
      {state === 'running' && mayUseOf('access:clusters', cluster.user) && (
        <ConnectCard name={cluster.name} />
      )}
      <ClusterWorkers cluster={cluster} onShowLog={showLog} />
      <div ref={log}>
        <ClusterLog cluster={cluster} worker={worker} onChoose={setWorker} />
      </div>
    </>
  )
}

function hasLife({ state }: ClusterDetail): boolean {
  return state === 'pending' || state === 'running'
}

function ConnectCard({ name }: { name: string }) {
  return (
    <Card
      title="Use it"
      description="From any notebook of yours, also from another one than that which made it."
    >
      <CodeBlock
        label="Connects to this cluster"
        code={`from dask_gateway import Gateway\nclient = Gateway().connect("${name}").get_client()`}
      />
    </Card>
  )
}
