import type { ClusterScale, ClusterView } from '@atrium/contract/clusters-api.ts'
import { useState } from 'react'

import { useScaleCluster } from '#api/clusters.ts'
import { formatCount } from '#ui/amounts.ts'
import { ChoiceCards } from '#ui/choice-cards.tsx'
import { Dialog, DialogForm } from '#ui/dialog.tsx'
import { TextField, textOf } from '#ui/field.tsx'
import { useToast } from '#ui/toast.tsx'

const ways = [
  { value: 'fixed', title: 'A number', description: 'So many, until you say otherwise.', facts: [] },
  {
    value: 'adapt',
    title: 'As the work needs',
    description: 'More while tasks wait, fewer when idle.',
    facts: [],
  },
]

/** How many workers a cluster has: a number, or bounds to adapt between. */
export function ScaleClusterDialog({ cluster, onClose }: { cluster: ClusterView; onClose: () => void }) {
  const scale = useScaleCluster()
  const [way, setWay] = useState(cluster.adapt ? 'adapt' : 'fixed')
  const toast = useToast()
  const [problem, setProblem] = useState<string>()
  const { name, adapt, workers } = cluster
  const done = ({ cut }: { cut?: string }) => {
    if (cut) toast.failed(cut)
    onClose()
  }
  const submit = (data: FormData) => {
    const wanted = readScale(data, way)
    const isTwisted = 'minimum' in wanted && wanted.minimum > wanted.maximum
    setProblem(isTwisted ? 'This is less than the minimum.' : undefined)
    if (!isTwisted) scale.mutate({ name, scale: wanted }, { onSuccess: done })
  }
  const limits = { type: 'number', min: 0, max: 100_000, required: true, inputMode: 'numeric' } as const
  return (
    <Dialog title="Scale the cluster" onClose={onClose}>
      <DialogForm
        onSubmit={submit}
        onCancel={onClose}
        submitLabel="Scale"
        busy={scale.isPending}
        error={scale.error?.message}
      >
        <ChoiceCards legend="Workers" name="way" choices={ways} value={way} onChange={setWay} />
        {way === 'fixed' ? (
          <TextField
            {...limits}
            label="Number of workers"
            name="workers"
            defaultValue={workers.wanted}
            hint={describeLimit(workers.limit)}
          />
        ) : (
          <>
            <TextField {...limits} label="At least" name="minimum" defaultValue={adapt?.minimum ?? 0} />
            <TextField
              {...limits}
              label="At most"
              name="maximum"
              defaultValue={adapt?.maximum ?? workers.limit}
              hint={describeLimit(workers.limit)}
              error={problem}
            />
          </>
        )}
      </DialogForm>
    </Dialog>
  )
}

function describeLimit(limit: number): string {
  return `It gets ${formatCount(limit, 'worker')} at most, by configuration and quotas. Those that find no room wait in line.`
}

function readScale(data: FormData, way: string): ClusterScale {
  const numberOf = (field: string) => Number(textOf(data, field))
  if (way === 'fixed') return { workers: numberOf('workers') }
  return { minimum: numberOf('minimum'), maximum: numberOf('maximum') }
}
