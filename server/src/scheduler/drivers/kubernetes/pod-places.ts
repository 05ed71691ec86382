/** Where a job's container finds what is ours. */
export const places = { job: '/run/atrium/job', orders: '/run/atrium/orders' } as const

/** Where every job finds `KubernetesSchedulerConfig.files`. */
export const filesFolder = places.job
