import assert from 'node:assert/strict'
import { test } from 'node:test'

import { expandHostlist } from './hostlist.ts'

test('expands what Slurm writes', () => {
  const cases: readonly [string, readonly string[]][] = [
    ['c1', ['c1']],
    ['c[1-3,7]', ['c1', 'c2', 'c3', 'c7']],
    ['gpu[008-010],login', ['gpu008', 'gpu009', 'gpu010', 'login']],
    ['r[1-2]n[1-2]', ['r1n1', 'r1n2', 'r2n1', 'r2n2']],
    ['n[1-2]-ib.cluster', ['n1-ib.cluster', 'n2-ib.cluster']],
    ['c1,c1', ['c1']],
    ['[1-2]', ['1', '2']],
    [' c1,c2\n', ['c1', 'c2']],
  ]
  for (const [expression, nodes] of cases) assert.deepEqual(expandHostlist(expression), nodes, expression)
})

test('refuses what is no list of nodes', () => {
  const hostile = [
    ...['', ',', 'c1,', 'c[', 'c]', 'c[1', 'c[]', 'c[3-1]', 'c[a-b]', 'c[1-2]]', 'c[[1-2]]', 'c[1--2]'],
    ...['c1;reboot', '$(reboot)', '-all', '../c1', 'c 1', 'c\n1', "c'1", 'c"1', 'c=1', 'c[1-99999999]'],
    `c[${Array.from({ length: 9 }, () => '0-9999').join(',')}]`,
    'c[0-9999][0-9999][0-9999][0-9999]',
  ]
  for (const expression of hostile) assert.throws(() => expandHostlist(expression), expression)
})
