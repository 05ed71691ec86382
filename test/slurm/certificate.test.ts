import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { createPerson, signIn, startServer } from '../real-parts/people.ts'
import { runProgram } from '../support/cluster/run-program.ts'
import { getUnixAccount } from './accounts.ts'
import type { SlurmCluster } from './cluster.ts'
import { type PlatformSite, platformUser, startPlatformSite } from './platform-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const systemBundle = '/etc/ssl/certs/ca-certificates.crt'

describe('a platform on Slurm whose certificate only the site knows', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let folder = ''
  let site: PlatformSite | undefined

  before(async () => {
    cluster = openSharedSlurmCluster()
    folder = mkdtempSync(join(cluster.dir, 'certificate-'))
    chmodSync(folder, 0o755)
  })
  after(async () => {
    await site?.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  test('is reached by nodes and their servers, as the documentation has it', async () => {
    const tls = await makeCertificate()
    const bundle = join(folder, 'bundle.crt')
    writeFileSync(bundle, readFileSync(systemBundle, 'utf8') + readFileSync(tls.certificate, 'utf8'))
    // This test's own requests; nodes and servers have to know the certificate.
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    site = await startPlatformSite(cluster, {
      edge: { tls },
      slurm: { certificates: tls.certificate },
      servers: { environment: { SSL_CERT_FILE: bundle } },
    })
    const { platform } = site
    assert.match(platform.url, /^https:/)
    await createPerson(platform, 'alice')
    const alice = await signIn(platform, 'alice')
    await startServer(platform, 'alice')
    const lab = await alice.open('/user/alice/lab')
    assert.equal(lab.status, 200, lab.text)
    assert.equal(lab.url.pathname, '/user/alice/lab')
  })

  /** Signed by itself. */
  async function makeCertificate(): Promise<{ certificate: string; key: string }> {
    const tls = { certificate: join(folder, 'platform.crt'), key: join(folder, 'platform.key') }
    const subject = ['-subj', '/CN=platform', '-addext', `subjectAltName=IP:${cluster.controlAddress}`]
    const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const files = ['-keyout', tls.key, '-out', tls.certificate]
    await runProgram('openssl', ['req', '-x509', ...keys, ...files, ...subject, '-days', '2'])
    const { uid, gid } = getUnixAccount(platformUser)
    chownSync(tls.key, uid, gid)
    chmodSync(tls.certificate, 0o644)
    return tls
  }
})
