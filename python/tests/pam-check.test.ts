import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const packageFolder = fileURLToPath(new URL('../src/atrium_node', import.meta.url))
const user = `atrium-pam-${process.pid}`
const service = user
const password = 'päss wörd"\\$(x)'

function ask(question: object): { ok: boolean; reason?: string; message?: string } {
  const output = execFileSync('python3', ['-I', '-S', packageFolder, 'pam_check'], {
    input: JSON.stringify(question),
  })
  return JSON.parse(output.toString())
}

const canRun = process.getuid?.() === 0 ? false : 'needs root'

describe('PAM check', { skip: canRun }, () => {
  before(() => {
    execFileSync('useradd', ['-M', '-s', '/bin/sh', user])
    execFileSync('chpasswd', { input: `${user}:${password}\n` })
    writeFileSync(
      `/etc/pam.d/${service}`,
      'auth required pam_unix.so nodelay\naccount required pam_unix.so\n',
    )
    writeFileSync(`/etc/pam.d/${service}-open`, `@include ${service}\nauth sufficient pam_rootok.so\n`)
  })
  after(() => {
    execFileSync('userdel', [user], { stdio: 'ignore' })
    rmSync(`/etc/pam.d/${service}`, { force: true })
    rmSync(`/etc/pam.d/${service}-open`, { force: true })
  })

  test('accepts the right password and nothing else', () => {
    assert.deepEqual(ask({ user, password, service }), { ok: true })
    for (const wrong of ['', 'x', password.slice(1), `${password}\0`]) {
      assert.equal(ask({ user, password: wrong, service }).reason, 'wrong_password')
    }
    assert.equal(ask({ user: 'nobody-at-all', password, service }).reason, 'wrong_password')
  })

  test('refuses an account that has expired', () => {
    execFileSync('usermod', ['-e', '1', user])
    assert.equal(ask({ user, password, service }).reason, 'account_expired')
    execFileSync('usermod', ['-e', '', user])
  })

  test('refuses services that would let root in without a password', () => {
    const { ok, reason, message } = ask({ user, password: 'wrong', service: `${service}-open` })
    assert.deepEqual([ok, reason], [false, 'unavailable'])
    assert.match(message ?? '', /accepts root without a password/)
  })

  test('refuses names that are no names', () => {
    for (const name of ['../x', 'a/b', 'a:b', '', 'a\nb'])
      assert.equal(ask({ user: name, password, service }).ok, false)
    for (const name of ['../login', '/etc/passwd', '', 'a b']) {
      assert.equal(ask({ user, password, service: name }).ok, false)
    }
    assert.equal(ask({ user, password }).reason, 'bad_request')
  })
})
