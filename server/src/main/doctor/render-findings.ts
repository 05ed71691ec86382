import type { Finding } from './finding.ts'

const columns = { status: 8, check: 18 }

/** A line for each finding, what to do below it, and a sum. */
export function renderFindings(findings: readonly Finding[]): string {
  const indent = ' '.repeat(columns.status + columns.check + 2)
  const lines = findings.flatMap(({ check, status, text, mend }) => [
    `${status.padEnd(columns.status)} ${check.padEnd(columns.check)} ${text.replaceAll('\n', ' ')}`,
    ...(mend === undefined ? [] : [`${indent}${mend}`]),
  ])
  return [...lines, '', sumUp(findings)].join('\n')
}

function sumUp(findings: readonly Finding[]): string {
  const count = (status: Finding['status'], word: string) => {
    const number = findings.filter((finding) => finding.status === status).length
    return number === 0 ? [] : [`${number} ${word}${number === 1 ? '' : 's'}`]
  }
  const parts = [...count('problem', 'problem'), ...count('warning', 'warning')]
  return parts.length === 0 ? 'Everything is as it should be.' : `${parts.join(', ')}.`
}
