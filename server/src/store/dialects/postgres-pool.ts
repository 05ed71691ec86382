import type { Pool } from 'pg'

const int8 = 20
const numeric = 1700
const connections = 10

/**
 * A pool whose 64-bit integers and numerics come as numbers: all of ours are below 2^53. Loaded on demand, so that the embedded store
 * does not pay for it.
 */
export async function openPostgresPool(url: string, onIdleError: (error: Error) => void): Promise<Pool> {
  const { default: pg } = await import('pg')
  const types = {
    getTypeParser(oid: number, format?: 'text' | 'binary') {
      if (oid === int8 || oid === numeric) return Number
      return pg.types.getTypeParser(oid, format)
    },
  }
  const pool = new pg.Pool({ connectionString: url, max: connections, types, application_name: 'atrium' })
  pool.on('error', onIdleError)
  return pool
}
