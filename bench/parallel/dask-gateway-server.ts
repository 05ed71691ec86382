import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import { findFreePort } from '../../test/support/free-port.ts'
import { waitForAnswer } from '../hub/hub-under-test.ts'
import { type GatewayOptions, type GatewayUnderTest, memoryOfOne } from './gateway-under-test.ts'

/** The peer's version; the figures of another one are not comparable. */
const version = '2026.3.0'
export const daskGatewayName = `dask-gateway-server ${version}`
const [user, password] = ['alice', 'bench']
/** For its end, with that of its clusters. */
const patienceMs = 60_000
/** Seen by all hosts of a test cluster, which have a /tmp of their own. */
const cache = '/var/cache/atrium-tests'

/**
 * The real dask-gateway-server: its local backend, or the one for Slurm as its documentation has it, as root with sudo to the user. Two
 * things are not as by default: the commands, since distributed has no `dask-scheduler` any more, and `UnsafeLocalBackend`, since
 * `LocalBackend` of this version takes each letter of a path for a file to give away.
 */
export async function startDaskGatewayServer({ prefix, cluster }: GatewayOptions): Promise<GatewayUnderTest> {
  const bin = ensureDaskGatewayServer()
  const folder = mkdtempSync(join(cluster?.dir ?? tmpdir(), 'dask-gateway-'))
  chmodSync(folder, 0o755)
  const host = cluster?.controlAddress ?? '127.0.0.1'
  const [port, apiPort] = [await findFreePort(), await findFreePort()]
  const config = join(folder, 'dask_gateway_config.py')
  const backend = cluster === undefined ? localLines(folder) : slurmLines(cluster, folder, bin)
  const lines = [...commonLines(prefix), `c.Proxy.address = "${host}:${port}"`, ...backend]
  writeFileSync(config, [...lines, `c.DaskGateway.address = "127.0.0.1:${apiPort}"`, ''].join('\n'))
  const child = spawn(join(bin, 'dask-gateway-server'), ['-f', config], { cwd: folder, stdio: 'ignore' })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  await waitForAnswer(`http://${host}:${port}/api/health`)
  return {
    name: daskGatewayName,
    clientEnvironment: {
      DASK_GATEWAY__ADDRESS: `http://${host}:${port}`,
      DASK_GATEWAY__AUTH__TYPE: 'basic',
      DASK_GATEWAY__AUTH__KWARGS: JSON.stringify({ username: user, password }),
    },
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
      await exited
      clearTimeout(timer)
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Its virtual environment, kept by version outside the tree; answers its bin folder. Schedulers and workers run in another. */
function ensureDaskGatewayServer(): string {
  const prefix = join(cache, `dask-gateway-server-${version}`)
  const bin = join(prefix, 'bin')
  if (existsSync(join(bin, 'dask-gateway-server'))) return bin
  mkdirSync(prefix, { recursive: true })
  execFileSync('/usr/bin/python3', ['-m', 'venv', prefix], { stdio: 'inherit' })
  execFileSync(join(bin, 'pip'), ['install', '--quiet', `dask-gateway-server[local]==${version}`], {
    stdio: 'inherit',
  })
  return bin
}

function commonLines(prefix: string): readonly string[] {
  return [
    'c = get_config()',
    'c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"',
    `c.SimpleAuthenticator.password = "${password}"`,
    `c.ClusterConfig.scheduler_cmd = ["${prefix}/bin/dask", "scheduler"]`,
    `c.ClusterConfig.worker_cmd = ["${prefix}/bin/dask", "worker"]`,
    `c.ClusterConfig.scheduler_memory = "${memoryOfOne}"`,
    `c.ClusterConfig.worker_memory = "${memoryOfOne}"`,
  ]
}

function localLines(folder: string): readonly string[] {
  const clusters = join(folder, 'clusters')
  mkdirSync(clusters)
  return [
    'c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"',
    `c.LocalBackend.clusters_directory = "${clusters}"`,
  ]
}

function slurmLines(cluster: SlurmCluster, folder: string, bin: string): readonly string[] {
  const commands = { submit: 'sbatch', cancel: 'scancel', status: 'squeue' }
  return [
    'c.DaskGateway.backend_class = "dask_gateway_server.backends.jobqueue.slurm.SlurmBackend"',
    'c.SlurmClusterConfig.partition = "main"',
    `c.JobQueueBackend.dask_gateway_jobqueue_launcher = "${bin}/dask-gateway-jobqueue-launcher"`,
    ...Object.entries(commands).map(
      ([use, command]) =>
        `c.JobQueueBackend.${use}_command = "${writeSlurmCommand(cluster, folder, command)}"`,
    ),
  ]
}

/** It calls Slurm's commands in an empty environment: those of a cluster whose configuration is not in /etc have to be told. */
function writeSlurmCommand({ env }: SlurmCluster, folder: string, command: string): string {
  const path = join(folder, command)
  const lines = ['#!/bin/sh', `SLURM_CONF=${env.SLURM_CONF} PATH=${env.PATH} exec ${command} "$@"`, '']
  writeFileSync(path, lines.join('\n'), { mode: 0o755 })
  return path
}
