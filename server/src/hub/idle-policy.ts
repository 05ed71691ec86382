import type { CpuUse, IdleReport, KernelUse, TerminalUse, UseSign } from './idle-report.ts'
import type { IdleSettings } from './profile-config.ts'

/** Jupyter's word for a kernel that runs somebody's code. One that nobody ever connected to may say `starting` for ever. */
const busy = 'busy'

/** What one look at a server finds. Absent: it could not be asked. */
export interface IdleFindings {
  nowMs: number
  /** When the server became ready: a fresh one is never idle. */
  readyAtMs: number
  jupyter?: { kernels: readonly KernelUse[]; terminals: readonly TerminalUse[] }
  cpuSeconds?: number
  /** When a client last sent a websocket message. */
  messageAtMs?: number
  keepUntilMs?: number
  /** When the machine's clock was last set: nobody knows how long before that the server was used. */
  clockSetAtMs?: number
  settings: IdleSettings
}

/** What follows from a report. */
export type IdleDecision =
  | { kind: 'keep' }
  /** Not used for so long that it will stop at `stopAtMs` unless somebody says otherwise. */
  | { kind: 'warn'; stopAtMs: number }
  | { kind: 'stop' }

/**
 * What the server is used for, from kernels, terminals, websocket messages and CPU. Open tabs do not count: they ask for status all the
 * time without anybody there, which is why `servers.last_activity` is of no use here.
 */
export function buildIdleReport(findings: IdleFindings, before: IdleReport | undefined): IdleReport {
  const { nowMs, jupyter } = findings
  const kernels = jupyter?.kernels ?? before?.kernels ?? []
  const terminals = jupyter?.terminals ?? before?.terminals ?? []
  const cpu = measureCpu(findings, before?.cpu)
  const isCpuBusy = cpu?.atMs === nowMs && (cpu.cores ?? 0) > findings.settings.cpuCores
  const cpuBusyAtMs = isCpuBusy ? nowMs : before?.cpuBusyAtMs
  const messageAtMs = latest(findings.messageAtMs, before?.messageAtMs)
  const clockSetAtMs = latest(findings.clockSetAtMs, before?.clockSetAtMs)
  const seen = {
    atMs: nowMs,
    answered: jupyter !== undefined,
    answeredAtMs: jupyter === undefined ? (before?.answeredAtMs ?? findings.readyAtMs) : nowMs,
    kernels,
    terminals,
    ...(cpu === undefined ? {} : { cpu }),
    ...(cpuBusyAtMs === undefined ? {} : { cpuBusyAtMs }),
    ...(messageAtMs === undefined ? {} : { messageAtMs }),
    ...(clockSetAtMs === undefined ? {} : { clockSetAtMs }),
  }
  const signs = listSigns(findings, seen).toSorted((a, b) => b.atMs - a.atMs)
  return { ...seen, signs, lastUseMs: Math.min(nowMs, Math.max(...signs.map(({ atMs }) => atMs))) }
}

/**
 * `stopAtMs`: what an earlier warning announced. The warning is always given its full time, also when nobody looked for long. A server
 * that was not used, and does not answer, is stopped as others are once it has been silent for that long too.
 */
export function decideIdle(
  report: IdleReport,
  settings: IdleSettings,
  announced: { stopAtMs: number | null; keepUntilMs: number | null },
): IdleDecision {
  const { atMs, lastUseMs } = report
  if (!settings.stop || atMs < (announced.keepUntilMs ?? 0)) return { kind: 'keep' }
  const quietSinceMs = report.answered ? lastUseMs : Math.max(lastUseMs, report.answeredAtMs)
  const dueMs = quietSinceMs + settings.afterMs
  if (atMs < dueMs - settings.warningMs) return { kind: 'keep' }
  if (announced.stopAtMs === null)
    return { kind: 'warn', stopAtMs: Math.max(dueMs, atMs + settings.warningMs) }
  return atMs >= announced.stopAtMs && atMs >= dueMs
    ? { kind: 'stop' }
    : { kind: 'warn', stopAtMs: Math.max(announced.stopAtMs, dueMs) }
}

/** When the next look can matter: often near the end, seldom before. Never more than `calmMs`, so that the report stays fresh. */
export function findNextLookMs(
  report: IdleReport,
  settings: IdleSettings,
  everyMs: { calm: number; near: number },
): number {
  const warnsAtMs = report.lastUseMs + settings.afterMs - settings.warningMs
  const isNear = settings.stop && warnsAtMs - report.atMs < everyMs.calm
  return report.atMs + (isNear ? everyMs.near : everyMs.calm)
}

type Seen = Omit<IdleReport, 'signs' | 'lastUseMs'>

function listSigns(
  { nowMs, readyAtMs, keepUntilMs, settings }: IdleFindings,
  seen: Seen,
): readonly UseSign[] {
  const signs: UseSign[] = [{ kind: 'start', atMs: readyAtMs, text: 'It was started.' }]
  for (const kernel of seen.kernels) signs.push(describeKernel(kernel, nowMs))
  for (const { name, lastActivityMs } of seen.terminals) {
    signs.push({ kind: 'terminal', atMs: lastActivityMs, text: `Terminal ${name} was used.` })
  }
  if (seen.messageAtMs !== undefined) {
    signs.push({ kind: 'websocket', atMs: seen.messageAtMs, text: 'Somebody worked in it.' })
  }
  if (seen.cpuBusyAtMs !== undefined) signs.push(describeCpu(seen.cpuBusyAtMs, seen.cpu, settings))
  if (seen.clockSetAtMs !== undefined) {
    signs.push({ kind: 'clock', atMs: seen.clockSetAtMs, text: 'The clock of the machine was set.' })
  }
  if (keepUntilMs !== undefined && keepUntilMs > nowMs) {
    signs.push({ kind: 'kept', atMs: nowMs, text: 'Somebody asked to keep it running.' })
  }
  return signs
}

function describeKernel({ id, name, state, lastActivityMs }: KernelUse, nowMs: number): UseSign {
  const which = `Kernel ${name} (${id.slice(0, 8)})`
  return state === busy
    ? { kind: 'kernel', atMs: nowMs, text: `${which} is busy.` }
    : { kind: 'kernel', atMs: lastActivityMs, text: `${which} was used.` }
}

function describeCpu(atMs: number, cpu: CpuUse | undefined, { cpuCores }: IdleSettings): UseSign {
  const cores = cpu?.atMs === atMs ? cpu.cores : undefined
  const text =
    cores === undefined
      ? `Its programs used more than ${cpuCores} cores.`
      : `Its programs use ${cores.toFixed(1)} cores.`
  return { kind: 'cpu', atMs, text }
}

/** CPU time that went back belongs to a new process; one that stands still was not measured anew. */
function measureCpu({ nowMs, cpuSeconds }: IdleFindings, before: CpuUse | undefined): CpuUse | undefined {
  if (cpuSeconds === undefined || cpuSeconds === before?.totalSeconds) return before
  const measured = { atMs: nowMs, totalSeconds: cpuSeconds }
  if (before === undefined || cpuSeconds < before.totalSeconds) return measured
  const seconds = Math.max(1, (nowMs - before.atMs) / 1000)
  return { ...measured, cores: (cpuSeconds - before.totalSeconds) / seconds }
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.max(a, b)
}
