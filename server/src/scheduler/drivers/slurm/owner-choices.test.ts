import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { type ChoiceWish, findFit, type OwnerChoices } from '#scheduler/owner-choices.ts'
import {
  parseAssociations,
  parseHidesAccounts,
  parsePartitions,
  parsePolicy,
  parseQos,
  parseSlurmDuration,
} from './owner-choices-parse.ts'

/** What Slurm 22.05.8 printed. */
const config = `Configuration data as of 2026-11-26T08:17:40
AccountingStorageBackupHost = (null)
AccountingStorageEnforce = associations,limits,qos
AccountingStorageType   = accounting_storage/slurmdbd
ClusterName             = usage
EnforcePartLimits       = NO
`
const rest =
  'DefaultTime=NONE DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO MaxNodes=UNLIMITED MaxTime=UNLIMITED MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED Nodes=n[1-3] PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=NO OverTimeLimit=NONE PreemptMode=REQUEUE State=UP TotalCPUs=6 TotalNodes=3 SelectTypeParameters=NONE JobDefaults=(null) DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED TRES=cpu=6,mem=12000M,node=3,billing=6,gres/gpu=1'
const narrowed = rest.replace('MaxNodes=UNLIMITED MaxTime=UNLIMITED', 'MaxNodes=2 MaxTime=04:00:00')
const partitions = `PartitionName=main AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=YES QoS=N/A ${rest}
PartitionName=low AllowGroups=ALL DenyAccounts=chemistry AllowQos=ALL AllocNodes=ALL Default=NO QoS=N/A ${rest.replace('MaxTime=UNLIMITED', 'MaxTime=2-00:00:00')}
PartitionName=high AllowGroups=ALL AllowAccounts=physics AllowQos=high,normal AllocNodes=ALL Default=NO QoS=N/A ${narrowed}
PartitionName=cloud AllowGroups=slurm AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL Default=NO QoS=N/A ${rest.replace('State=UP', 'State=DRAIN')}
`
const qos = 'normal||||\nlow||||\nhigh|02:00:00|2||gres/gpu=1\n'
const bob =
  'physics||high,low,normal|normal||||\nbiology||high,low,normal|normal|5|08:00:00|cpu=8|cpu=16,gres/gpu=2,mem=64G\n'
const carol = 'physics|low|normal|||||\nbiology||low,normal|normal||||\n'

function choicesOf(associations: string, groups: readonly string[] = []): OwnerChoices {
  return {
    ...parsePolicy(config),
    accounts: parseAssociations(associations, parseQos(qos)),
    defaultAccount: 'physics',
    ...parsePartitions(partitions, groups),
  }
}

function namesOf(choices: OwnerChoices, wish: ChoiceWish): readonly string[] | string {
  const fit = findFit(choices, wish)
  return 'obstacle' in fit ? fit.obstacle : fit.accounts.map(({ name }) => name)
}

const hourMs = 3_600_000

describe('what a user of Slurm may ask for', () => {
  test('the default partition takes every account, the default one first', () => {
    assert.deepEqual(namesOf(choicesOf(bob), {}), ['physics', 'biology'])
    assert.deepEqual(namesOf(choicesOf(carol), {}), ['biology'])
    assert.deepEqual(namesOf(choicesOf(carol), { partition: 'low' }), ['physics', 'biology'])
  })

  test('a partition is for its accounts, groups and qualities of service', () => {
    assert.deepEqual(namesOf(choicesOf(bob), { partition: 'high' }), ['physics'])
    assert.equal(
      namesOf(choicesOf(carol), { partition: 'high' }),
      'No account of the user is for the partition high.',
    )
    assert.equal(
      namesOf(choicesOf(bob), { partition: 'cloud' }),
      "The partition cloud is not open to the user's groups.",
    )
    assert.equal(
      namesOf(choicesOf(bob, ['slurm']), { partition: 'cloud' }),
      'The partition cloud takes no jobs at present.',
    )
    assert.equal(namesOf(choicesOf(bob), { partition: 'gone' }), 'There is no partition gone.')
    assert.match(String(namesOf(choicesOf(bob), { partition: 'high', qos: 'low' })), /service low/)
    assert.match(String(namesOf(choicesOf(carol), { qos: 'high' })), /service high/)
  })

  test('an account that a profile names must be one of the user’s', () => {
    assert.deepEqual(namesOf(choicesOf(bob), { account: 'biology' }), ['biology'])
    assert.match(
      String(namesOf(choicesOf(bob), { account: 'chemistry' })),
      /no share of the account chemistry/,
    )
    assert.match(String(namesOf(choicesOf(''), {})), /no account with the scheduler/)
  })

  test('more time or nodes than anybody gives cannot be had', () => {
    const high = { partition: 'high' }
    assert.deepEqual(namesOf(choicesOf(bob), { ...high, timeLimitMs: 4 * hourMs, nodes: 2 }), ['physics'])
    assert.match(String(namesOf(choicesOf(bob), { ...high, timeLimitMs: 5 * hourMs })), /time limit is above/)
    assert.match(String(namesOf(choicesOf(bob), { ...high, nodes: 3 })), /more nodes/)
    assert.deepEqual(namesOf(choicesOf(bob), { timeLimitMs: 10 * hourMs }), ['physics'])
    assert.match(
      String(namesOf(choicesOf(bob), { account: 'biology', timeLimitMs: 10 * hourMs })),
      /above that of the account biology/,
    )
  })

  test('limits that hold together are told', () => {
    const fit = findFit(choicesOf(bob), { account: 'biology', partition: 'low' })
    assert.ok('accounts' in fit)
    assert.deepEqual(fit.accounts, [
      {
        name: 'biology',
        isDefault: false,
        limits: { timeLimitMs: 8 * hourMs, jobs: 5, cpu: 8, gpu: 2, memoryBytes: 64 * 2 ** 30 },
      },
    ])
  })

  test('where Slurm enforces nothing, nothing is withheld', () => {
    const open = parsePolicy(config.replace('associations,limits,qos', 'none'))
    assert.deepEqual([open.bindsAccounts, open.bindsQos], [false, false])
    assert.deepEqual(namesOf({ ...choicesOf(''), ...open }, { account: 'any', qos: 'any' }), [])
    assert.equal(parsePolicy(config.replace('associations,limits,qos', 'safe')).bindsAccounts, true)
  })

  test('where accounts are hidden from the platform it is known that they are', () => {
    const told = (list: string) =>
      parseHidesAccounts(
        `PrivateData            = cloud\nTrackWCKey = No\n\nPrivateData            = ${list}\n`,
      )
    assert.deepEqual(
      [told('none'), told('jobs,usage'), told('accounts,jobs'), told('users')],
      [false, false, true, true],
    )
  })

  test('times are read in every form that Slurm writes', () => {
    const minutes = (text: string) => (parseSlurmDuration(text) ?? Number.NaN) / 60_000
    const texts = ['90', '90:30', '01:30:00', '2-12', '2-12:30', '2-12:30:30']
    assert.deepEqual(texts.map(minutes), [90, 90.5, 90, 3600, 3630, 3630.5])
    for (const text of ['UNLIMITED', '', 'NONE', '1:2:3:4']) assert.equal(parseSlurmDuration(text), undefined)
  })
})
