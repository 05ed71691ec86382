import type { Chapter, Step } from '../corpus/step.ts'

const clusters = '/gateway/api/v1/clusters/'
const unknown = `${clusters}0123456789abcdef0123456789abcdef`
const create = (name: string, options: unknown): Step => ({
  name,
  request: `POST ${clusters}`,
  as: 'alice',
  json: { cluster_options: options },
})

const about: Chapter = {
  name: 'about',
  title: 'The gateway itself, and who may ask',
  steps: [
    { name: 'health for anybody', request: 'GET /gateway/api/health' },
    { name: 'health by HEAD', request: 'HEAD /gateway/api/health' },
    { name: 'the version for anybody', request: 'GET /gateway/api/version' },
    { name: 'a bad token does no harm to the version', request: 'GET /gateway/api/version', as: 'bad token' },
    { name: 'options', request: 'GET /gateway/api/v1/options', as: 'alice' },
    { name: 'options are not for strangers', request: 'GET /gateway/api/v1/options' },
    { name: 'options are not for a bad token', request: 'GET /gateway/api/v1/options', as: 'bad token' },
    { name: 'no clusters yet', request: `GET ${clusters}`, as: 'alice' },
    { name: 'clusters are not for strangers', request: `GET ${clusters}` },
    {
      name: 'another kind of credential is none',
      request: `GET ${clusters}`,
      headers: { authorization: 'Negotiate 0123' },
    },
    { name: 'a cluster is not made by strangers', request: `POST ${clusters}`, json: {} },
    { name: 'a cluster is not shown to strangers', request: `GET ${unknown}` },
    { name: 'a cluster is not stopped by strangers', request: `DELETE ${unknown}` },
    { name: 'a cluster is not scaled by strangers', request: `POST ${unknown}/scale`, json: { count: 1 } },
    { name: 'a cluster is not adapted by strangers', request: `POST ${unknown}/adapt`, json: {} },
    { name: 'nobody speaks for an unknown cluster', request: `POST ${unknown}/heartbeat`, json: {} },
    {
      name: 'a bad token speaks for no cluster',
      request: `POST ${unknown}/heartbeat`,
      headers: { authorization: 'token 0123456789abcdef0123456789abcdef' },
      json: {},
    },
    {
      name: 'a user does not speak for a cluster',
      request: `POST ${unknown}/heartbeat`,
      as: 'alice',
      json: {},
    },
    { name: 'without the slash there is nothing', request: 'GET /gateway/api/v1/clusters', as: 'alice' },
    { name: 'an unknown path', request: 'GET /gateway/api/v2/clusters/', as: 'alice' },
    { name: 'a method that clusters do not have', request: `PUT ${clusters}`, as: 'alice', json: {} },
  ],
}

const options: Chapter = {
  name: 'options',
  title: 'Options that are refused, and clusters that are not there',
  steps: [
    create('an unknown option', { nodes: 3 }),
    create('several unknown options', { nodes: 3, "it's": 1, Zone: 'x' }),
    create('options that are a list', [1]),
    create('options that are a text', 'many'),
    create('a text for cores', { worker_cores: '4' }),
    create('a fraction for cores', { worker_cores: 1.5 }),
    create('true for cores', { worker_cores: true, worker_memory: 'x' }),
    create('null for cores', { worker_cores: null }),
    create('no cores', { worker_cores: 0 }),
    create('negative cores', { worker_cores: -3 }),
    create('too many cores', { worker_cores: 5 }),
    create('a text for memory', { worker_memory: '4 GiB' }),
    create('too little memory', { worker_memory: 0.125 }),
    create('too much memory', { worker_memory: 8.5 }),
    create('a list for memory', { worker_memory: [1, 'x', null] }),
    create('a number for a text', { environment: 5 }),
    create('a mapping for a text', { environment: { a: "it's" } }),
    create('a list for a mapping', { environment_vars: ['A=1'] }),
    create('a negative time', { idle_timeout: -1 }),
    { name: 'no JSON', request: `POST ${clusters}`, as: 'alice', body: '{"cluster_options": ' },
    { name: 'JSON that is a list', request: `POST ${clusters}`, as: 'alice', json: [] },
    { name: 'an unknown cluster', request: `GET ${unknown}`, as: 'alice' },
    { name: 'waiting for an unknown cluster', request: `GET ${unknown}?wait`, as: 'alice' },
    { name: 'stopping an unknown cluster', request: `DELETE ${unknown}`, as: 'alice' },
    { name: 'scaling an unknown cluster', request: `POST ${unknown}/scale`, as: 'alice', json: { count: 1 } },
    { name: 'adapting an unknown cluster', request: `POST ${unknown}/adapt`, as: 'alice', json: {} },
    { name: 'a hostile name', request: `GET ${clusters}%3Cscript%3E`, as: 'alice' },
    { name: 'a status', request: `GET ${clusters}?status=STOPPED,failed`, as: 'alice' },
    { name: 'a status that is none', request: `GET ${clusters}?status=asleep`, as: 'alice' },
    { name: 'a status that is one of ours', request: `GET ${clusters}?status=running,starting`, as: 'alice' },
    { name: 'an empty status', request: `GET ${clusters}?status=`, as: 'alice' },
  ],
}

const cluster = `${clusters}{{cluster}}`
const scale = (name: string, count: unknown): Step => ({
  name,
  request: `POST ${cluster}/scale`,
  as: 'alice',
  json: { count },
})
const adapt = (name: string, bounds: unknown): Step => ({
  name,
  request: `POST ${cluster}/adapt`,
  as: 'alice',
  json: bounds,
})

const life: Chapter = {
  name: 'life',
  title: 'The life of a cluster',
  steps: [
    {
      ...create('a cluster is made', { worker_cores: 2, worker_memory: 0.5, environment_vars: { A: '1' } }),
      capture: { cluster: 'body/name' },
    },
    {
      name: 'it is shown when it runs',
      request: `GET ${cluster}?wait`,
      as: 'alice',
      until: { field: 'body/status', equals: 'RUNNING' },
    },
    { name: 'it is listed', request: `GET ${clusters}`, as: 'alice' },
    { name: 'it is listed by its status', request: `GET ${clusters}?status=running`, as: 'alice' },
    { name: 'it is not listed by another status', request: `GET ${clusters}?status=pending`, as: 'alice' },
    { name: 'it is not in the list of others', request: `GET ${clusters}`, as: 'bob' },
    { name: 'others do not see it', request: `GET ${cluster}`, as: 'bob' },
    { name: 'others do not wait for it', request: `GET ${cluster}?wait`, as: 'bob' },
    { name: 'others do not stop it', request: `DELETE ${cluster}`, as: 'bob' },
    { name: 'others do not scale it', request: `POST ${cluster}/scale`, as: 'bob', json: { count: 1 } },
    { name: 'others do not adapt it', request: `POST ${cluster}/adapt`, as: 'bob', json: {} },
    { name: 'its owner does not speak for it', request: `POST ${cluster}/heartbeat`, as: 'alice', json: {} },
    scale('it is scaled to nothing', 0),
    scale('it is scaled beyond what it may have', 5),
    scale('it is scaled back', 0),
    scale('a negative number', -1),
    scale('a fraction', 0.5),
    scale('a text', '3'),
    scale('null', null),
    { name: 'no number at all', request: `POST ${cluster}/scale`, as: 'alice', json: {} },
    adapt('it adapts', { minimum: 0, maximum: 1, active: true }),
    adapt('it adapts between bounds it may not have', { minimum: 3, maximum: 10 }),
    adapt('it adapts without bounds', {}),
    adapt('it ends to adapt', { active: false }),
    { name: 'it is stopped', request: `DELETE ${cluster}`, as: 'alice' },
    {
      name: 'it is shown when it has stopped',
      request: `GET ${cluster}`,
      as: 'alice',
      until: { field: 'body/status', equals: 'STOPPED' },
    },
    { name: 'it is stopped once more', request: `DELETE ${cluster}`, as: 'alice' },
    { name: 'nobody waits for what has stopped', request: `GET ${cluster}?wait=1`, as: 'alice' },
    { name: 'it is not listed any more', request: `GET ${clusters}`, as: 'alice' },
    { name: 'it is listed as stopped', request: `GET ${clusters}?status=stopped`, as: 'alice' },
    scale('what has stopped is not scaled', 1),
    adapt('what has stopped does not adapt', { minimum: 0, maximum: 1 }),
  ],
}

/** Everything that is asked of Dask Gateway's protocol. */
export const gatewayCorpus: readonly Chapter[] = [about, options, life]
