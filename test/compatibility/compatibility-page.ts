import { corpus } from './corpus/corpus.ts'
import type { WantedDifference } from './differences/wanted-difference.ts'
import { wantedDifferences } from './differences.ts'
import { gatewayCorpus } from './gateway/corpus.ts'
import { daskGatewayVersion } from './gateway/gateway-recording.ts'
import { gatewayDifferences } from './gateway/wanted-differences.ts'
import { jupyterHubVersion } from './reference/jupyterhub.ts'
import { readRecording } from './replay/recording.ts'

/** Writes `docs/compatibility.md` from what is tested. */
export function buildCompatibilityPage(): string {
  const rows = corpus.map((chapter) => {
    const statuses = Object.values(readRecording(chapter).steps).map(({ status }) => status)
    const refused = statuses.filter((status) => status >= 400).length
    return `| ${chapter.title} | ${statuses.length} | ${refused} |`
  })
  const total = corpus.reduce((sum, chapter) => sum + chapter.steps.length, 0)
  return `${buildIntroduction(total)}
| asked about | requests | refused or in error |
|---|---|---|
${rows.join('\n')}

## Wanted differences

Where Atrium answers otherwise on purpose. A difference that is not in this table fails the test, and so does a line of this table that no
answer shows any more.

| where | JupyterHub ${jupyterHubVersion} | Atrium | why |
|---|---|---|---|
${wantedDifferences.map(buildRow).join('\n')}

${buildGatewaySection()}`
}

function buildGatewaySection(): string {
  const total = gatewayCorpus.reduce((sum, chapter) => sum + chapter.steps.length, 0)
  return `## Dask Gateway

Under \`/gateway\` Atrium speaks Dask Gateway's protocol, version ${daskGatewayVersion}: the unmodified client from PyPI computes on its clusters
(\`test/real-parts/dask-gateway.test.ts\`). ${total} requests (\`test/compatibility/gateway/corpus.ts\`) were asked of the real dask-gateway-server;
Atrium's answers are compared with its in the same way. \`npm run compatibility:record-gateway\` records them again.

| where | dask-gateway-server ${daskGatewayVersion} | Atrium | why |
|---|---|---|---|
${gatewayDifferences.map(buildRow).join('\n')}
`
}

function buildIntroduction(total: number): string {
  return `# Compatibility with JupyterHub

Atrium speaks JupyterHub's protocol, version ${jupyterHubVersion}: the REST API under \`/hub/api\`, its scopes, OAuth2 for services and servers, and the
pages other tools link to. Two things hold it to that:

- **Unmodified parts from PyPI run against it** (\`test/real-parts/\`): \`jupyterhub-singleuser\` with JupyterLab, a \`HubOAuth\` service,
  \`jupyterhub-idle-culler\`, \`jupyter-server-proxy\`.
- **A corpus of ${total} requests** (\`test/compatibility/corpus/\`), good, bad and unauthorised, was asked of the real JupyterHub with
  configurable-http-proxy. Its answers are kept in \`test/compatibility/recorded/\`. The test asks Atrium the same and compares field by field:
  status, the headers clients act upon, names and flags of cookies, and every field of the body. Times, ids, tokens and ports are compared
  by their form, sets without their order, pages by status and content type.

The platform that is asked, its users, groups, roles and services, is described once (\`test/compatibility/reference/site.ts\`); both programs
are configured from it.

| to do this | run |
|---|---|
| compare | \`npm test -- compatibility\` |
| look at differences by hand | \`npm run compatibility:replay -- [CHAPTER ...]\` |
| check that the real JupyterHub still answers what was recorded | \`npm run compatibility:replay -- --jupyterhub\` |
| record again | \`npm run compatibility:record\` (makes a venv with JupyterHub from PyPI, outside of the tree; some minutes) |
| write this page again | \`npm run docs\` |

Recording twice gives no diff: what changes from run to run is normalised.

Two doors that JupyterHub has kept closed or deprecated for years are not there: \`/hub/api/authorizations/cookie/...\` (before version 2 services
asked by it whose cookie they were shown; they do so by OAuth since) and \`/hub/api/users/.../admin-access\`.
`
}

function buildRow({ steps, fields, jupyterhub, atrium, reason }: WantedDifference): string {
  const [where, what] = [steps, Object.keys(fields)].map((names) =>
    names.map((name) => `\`${name}\``).join(', '),
  )
  return `| ${[`${where}: ${what}`, jupyterhub, atrium, reason].map(escapeCell).join(' | ')} |`
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
