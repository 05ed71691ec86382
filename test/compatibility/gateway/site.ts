/** The platform that is asked about Dask Gateway's protocol; the reference and Atrium are both configured from it. */
export const gatewaySite = {
  users: ['alice', 'bob'],
  worker: { cores: 1, memoryGib: 1 },
  most: { workers: 2, cores: 4, memoryGib: 8 },
  idleTimeoutS: 600,
} as const
