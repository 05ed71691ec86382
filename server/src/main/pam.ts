import { spawn } from 'node:child_process'
import { join } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { CheckPam } from '#identity/passwords.ts'
import { findInstallationRoot } from '#platform/installation.ts'

const mostAnswerBytes = 65_536

/**
 * Asks PAM by a small program of its own: PAM modules may block, change the process or crash it. Name and password go in by standard input.
 */
export function createPamCheck({ python, service }: { python: string; service: string }): CheckPam {
  const program = join(findInstallationRoot(), 'python', 'src', 'atrium_node')
  return async (user, password, { signal }) => {
    const child = spawn(python, ['-I', '-S', program, 'pam_check'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      signal,
      env: {},
    })
    child.stdin.on('error', () => {})
    child.stdin.end(JSON.stringify({ user, password, service }))
    const answer = await readAll(child.stdout, child)
    return parseAnswer(answer)
  }
}

function readAll(stream: NodeJS.ReadableStream, child: NodeJS.EventEmitter): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    stream.on('data', (chunk: Buffer) => {
      if (text.length < mostAnswerBytes) text += chunk.toString()
    })
    child.once('error', reject)
    child.once('close', () => resolve(text))
  })
}

function parseAnswer(text: string): boolean {
  try {
    const { ok } = JSON.parse(text) as { ok?: boolean }
    if (typeof ok === 'boolean') return ok
  } catch {
    // Falls through to the refusal below.
  }
  throw new PlatformError('internal', {
    message: 'The sign-in of this machine does not answer.',
    detail: { answer: text },
  })
}
