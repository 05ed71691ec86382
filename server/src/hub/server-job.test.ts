import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createProfiles } from './profiles.ts'
import { buildServerJob, parseServerSubject, type ServerSettings, type ServerStart } from './server-job.ts'

const settings: ServerSettings = {
  environmentPrefix: '/env',
  hubUrl: 'http://127.0.0.1:8000',
  clientFolder: '/shared/client',
  bindHost: '127.0.0.1',
  defaultUrl: '/lab',
  tools: { DASK_GATEWAY__ADDRESS: 'http://127.0.0.1:8000/gateway', DASK_GATEWAY__AUTH__TYPE: 'jupyterhub' },
  environment: { TZ: 'UTC' },
  namedServers: 2,
  startTimeoutMs: 60_000,
  stopGraceMs: 5_000,
  timeWarningMs: 600_000,
  warmStart: true,
}

function buildStart(change: Partial<ServerStart> = {}): ServerStart {
  const profiles = createProfiles({
    profiles: [{ name: 'small', cpu: 1.5, memoryBytes: 2 ** 30, timeLimitMs: 3_600_000 }],
    idle: { stop: true, afterMs: 1, warningMs: 1, cpuCores: 1 },
  })
  return {
    serverId: 17,
    userId: 3,
    user: 'åsa@lab',
    server: 'gpu',
    profile: profiles.choose({ name: 'x', groups: [], roles: [] }, undefined),
    owner: { name: 'åsa@lab', login: 'asa', uid: 2001, gid: 2001, home: '/homes/asa' },
    shell: '/bin/bash',
    token: 'the-token',
    ...change,
  }
}

describe('the job of a server', () => {
  test('gives jupyterhub-singleuser the environment that JupyterHub gives', () => {
    const { environment } = buildServerJob(settings, buildStart()).spec
    const path = '/user/%C3%A5sa@lab/gpu/'
    const access = '["access:servers!server=åsa@lab/gpu","access:servers!user=åsa@lab"]'
    const expected = {
      JUPYTERHUB_API_URL: 'http://127.0.0.1:8000/hub/api',
      JUPYTERHUB_ACTIVITY_URL: 'http://127.0.0.1:8000/hub/api/users/%C3%A5sa@lab/activity',
      JUPYTERHUB_BASE_URL: '/',
      JUPYTERHUB_CLIENT_ID: 'jupyterhub-user-%C3%A5sa%40lab!gpu',
      JUPYTERHUB_DEFAULT_URL: '/lab',
      JUPYTERHUB_HOST: '',
      JUPYTERHUB_OAUTH_ACCESS_SCOPES: access,
      JUPYTERHUB_OAUTH_CALLBACK_URL: `${path}oauth_callback`,
      JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES: '[]',
      JUPYTERHUB_PUBLIC_URL: '',
      JUPYTERHUB_SERVER_NAME: 'gpu',
      JUPYTERHUB_SERVICE_PREFIX: path,
      JUPYTERHUB_SERVICE_URL: `http://127.0.0.1:{port:http}${path}`,
      JUPYTERHUB_USER: 'åsa@lab',
      CPU_LIMIT: '1.5',
      MEM_LIMIT: '1073741824',
      HOME: '/homes/asa',
      USER: 'asa',
      SHELL: '/bin/bash',
      TZ: 'UTC',
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(environment[name], value, name)
    assert.match(environment['PATH'] ?? '', /^\/env\/bin:.*:\/shared\/client\/atrium_client\/bin$/)
  })

  test('tells its tools where the rest of the platform is, unless the administrator says otherwise', () => {
    const environment = { DASK_GATEWAY__ADDRESS: 'https://gateway.example' }
    const { spec } = buildServerJob({ ...settings, environment }, buildStart())
    assert.equal(spec.environment['DASK_GATEWAY__ADDRESS'], 'https://gateway.example')
    assert.equal(spec.environment['DASK_GATEWAY__AUTH__TYPE'], 'jupyterhub')
  })

  test('has the client package on PYTHONPATH, before folders of the administrator’s', () => {
    const { environment } = buildServerJob(settings, buildStart()).spec
    assert.equal(environment['PYTHONPATH'], '/shared/client')
    assert.equal(environment['ATRIUM_API_URL'], 'http://127.0.0.1:8000')
    const own = { PYTHONPATH: '/opt/python', ATRIUM_API_URL: 'http://hub:1' }
    const changed = buildServerJob({ ...settings, environment: own }, buildStart()).spec.environment
    assert.equal(changed['PYTHONPATH'], '/shared/client:/opt/python')
    assert.equal(changed['ATRIUM_API_URL'], 'http://hub:1')
  })

  test('keeps the token out of everything that is shown', () => {
    const { spec, secrets } = buildServerJob(settings, buildStart())
    assert.equal(secrets?.['JUPYTERHUB_API_TOKEN'], 'the-token')
    assert.ok(!JSON.stringify(spec).includes('the-token'))
  })

  test('says where it is ready, what it may use and how it can be started warm', () => {
    const job = buildServerJob(settings, buildStart())
    assert.deepEqual(job.policy?.ready, { port: 'http', path: '/user/%C3%A5sa@lab/gpu/api' })
    assert.deepEqual(job.spec.resources, { cpu: 1.5, memoryBytes: 2 ** 30 })
    assert.equal(job.spec.timeLimitMs, 3_600_000)
    assert.deepEqual(job.spec.warm, { prefix: '/env', entry: 'jupyterhub.singleuser:main' })
    assert.equal(parseServerSubject(job.subject), 17)
  })

  test('is queued as its profile says', () => {
    const queue = { partition: 'gpu', account: 'physics', gpuType: 'a100' }
    const wide = {
      name: 'wide',
      cpu: 2,
      gpu: 1,
      queue,
      exclusive: true,
      nodes: 2,
      tasks: 4,
      preemptible: true,
    }
    const idle = { stop: true, afterMs: 1, warningMs: 1, cpuCores: 0.1 }
    const profile = createProfiles({ profiles: [wide], idle }).choose(
      { name: 'x', groups: [], roles: [] },
      undefined,
    )
    const { spec, policy } = buildServerJob(settings, buildStart({ profile }))
    assert.deepEqual(
      {
        queue: spec.queue,
        nodes: spec.nodes,
        tasks: spec.tasks,
        preemptible: spec.preemptible,
        resources: spec.resources,
      },
      { queue, nodes: 2, tasks: 4, preemptible: true, resources: { cpu: 2, gpu: 1, exclusive: true } },
    )
    assert.deepEqual([policy?.requeue, policy?.timeWarningMs], [true, 600_000])
    const plain = buildServerJob(settings, buildStart())
    assert.deepEqual([plain.spec.queue, plain.spec.tasks, plain.policy?.requeue], [undefined, 1, undefined])
  })

  test('a command of the administrator’s own is started as it is', () => {
    const job = buildServerJob({ ...settings, command: ['/opt/serve', '--x'] }, buildStart())
    assert.deepEqual(job.spec.command, ['/opt/serve', '--x'])
    assert.equal(job.spec.warm, undefined)
  })
})
