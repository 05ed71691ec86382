import { readFile, stat } from 'node:fs/promises'

import type { SlurmClient } from '#scheduler/drivers/slurm/slurm-client.ts'

import { attempt, type Finding, ok, problem, warn } from './finding.ts'
import { judgeVersion } from './judge-slurm-config.ts'

export interface RestToCheck {
  url: string
  jwtKeyFile?: string
  tokenFile?: string
}

const readableByAll = 0o004
const othersMayWrite = 0o022
const soonMs = 3_600_000

/** slurmrestd: whether it answers us, and whether the secret that lets us in is kept well. */
export async function checkSlurmRest(
  rest: RestToCheck,
  client: SlurmClient,
  nowMs: number,
): Promise<readonly Finding[]> {
  const signal = AbortSignal.timeout(60_000)
  const secret = rest.jwtKeyFile ?? rest.tokenFile ?? ''
  const kept = await attempt('REST secret', `Make ${secret} readable for the platform's account.`, () =>
    checkSecret(secret, rest.jwtKeyFile === undefined ? nowMs : undefined),
  )
  const mend = `See whether slurmrestd runs at ${rest.url}, with -a rest_auth/jwt and SLURM_JWT=daemon in its environment.`
  const answers = await attempt('slurmrestd', mend, async () => [
    judgeVersion('slurmrestd', await client.version({ signal })),
  ])
  if (answers.some(({ status }) => status === 'problem')) return [...kept, ...answers]
  const jobs = await attempt(
    'REST queue',
    'Compare the keys and clocks that the message names.',
    async () => {
      const list = await client.listJobs({ signal })
      return [ok('REST queue', `our token is taken; ${list.length} jobs are seen`)]
    },
  )
  return [...kept, ...answers, ...jobs]
}

/** `nowMs`: it is a token, which has a lifetime. */
async function checkSecret(path: string, nowMs: number | undefined): Promise<readonly Finding[]> {
  const check = 'REST secret'
  const { mode } = await stat(path)
  const content = await readFile(path)
  if ((mode & (readableByAll | othersMayWrite)) !== 0) {
    const mend = `chmod 0640 ${path}: who has it can be any user of the cluster.`
    return [problem(check, `others than its owner and group can read or change ${path}`, mend)]
  }
  if (nowMs === undefined) return [ok(check, `${path} is ours to read`)]
  const expires = readExpiry(content.toString('latin1'))
  if (expires === undefined)
    return [problem(check, `${path} holds no token`, 'Write what `scontrol token` prints to it.')]
  if (expires < nowMs)
    return [problem(check, `the token in ${path} has expired`, 'Renew it: scontrol token lifespan=SECONDS.')]
  const minutes = Math.round((expires - nowMs) / 60_000)
  if (expires < nowMs + soonMs)
    return [
      warn(check, `the token in ${path} expires in ${minutes} min`, 'See that something renews it in time.'),
    ]
  return [ok(check, `the token in ${path} is good for ${Math.round(minutes / 60)} h`)]
}

/** When a JSON web token expires, in ms. */
export function readExpiry(text: string): number | undefined {
  try {
    const [, claims = ''] = text
      .trim()
      .replace(/^SLURM_JWT=/, '')
      .split('.')
    const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp?: unknown }
    return typeof exp === 'number' ? exp * 1000 : undefined
  } catch {
    return undefined
  }
}
