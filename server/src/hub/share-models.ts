import type { ActiveServers } from './active-servers.ts'
import { buildServerPath, hubPath } from './server-paths.ts'
import { buildServerPhase } from './server-phase.ts'
import type { ServerName } from './server-records.ts'
import type { ShareCode } from './share-codes.ts'
import type { Share } from './share-records.ts'

/** Shares and share codes as JupyterHub's REST API shows them. */
export interface ShareModels {
  ofShare(share: Share): Promise<ShareModel>
  /** `code`: only in the answer that made it. */
  ofCode(shareCode: ShareCode, code?: string): Promise<ShareCodeModel>
}

interface SharedServer {
  user: { name: string }
  name: string
  url: string
  full_url: string | null
  ready: boolean
}

export interface ShareModel {
  server: SharedServer
  scopes: readonly string[]
  user: { name: string } | null
  group: { name: string } | null
  kind: 'user' | 'group'
  created_at: string
}

export interface ShareCodeModel {
  server: SharedServer
  scopes: readonly string[]
  id: string
  created_at: string
  expires_at: string | null
  exchange_count: number
  last_exchanged_at: string | null
  code?: string
  accept_url?: string
  full_accept_url?: string | null
}

interface ShareModelsOptions {
  active: ActiveServers
  publicUrl?: string | undefined
}

const idPattern = /^sc_(\d{1,15})$/

/** The number in a share code's public id; undefined when it is none. */
export function parseShareCodeId(text: string): number | undefined {
  const match = idPattern.exec(text)
  return match === null ? undefined : Number(match[1])
}

/** See `ShareModels`. */
export function createShareModels({ active, publicUrl }: ShareModelsOptions): ShareModels {
  const withOrigin = (path: string) => (publicUrl === undefined ? null : `${publicUrl}${path}`)
  const describe = async (serverId: number, { user, server }: ServerName): Promise<SharedServer> => {
    const url = buildServerPath(user, server)
    const running = await active.find(serverId)
    return {
      user: { name: user },
      name: server,
      url,
      full_url: withOrigin(url),
      ready: buildServerPhase(running?.job).ready,
    }
  }
  return {
    async ofShare({ serverId, server, scopes, user, group, createdAtMs }) {
      return {
        server: await describe(serverId, server),
        scopes,
        user: user === null ? null : { name: user },
        group: group === null ? null : { name: group },
        kind: group === null ? 'user' : 'group',
        created_at: formatTime(createdAtMs),
      }
    },
    async ofCode(shareCode, code) {
      const { expiresAtMs, lastExchangedAtMs } = shareCode
      const acceptUrl = `${hubPath}accept-share?${new URLSearchParams({ code: code ?? '' })}`
      return {
        server: await describe(shareCode.serverId, shareCode.server),
        scopes: shareCode.scopes,
        id: `sc_${shareCode.id}`,
        created_at: formatTime(shareCode.createdAtMs),
        expires_at: expiresAtMs === null ? null : formatTime(expiresAtMs),
        exchange_count: shareCode.exchangeCount,
        last_exchanged_at: lastExchangedAtMs === null ? null : formatTime(lastExchangedAtMs),
        ...(code === undefined
          ? {}
          : { code, accept_url: acceptUrl, full_accept_url: withOrigin(acceptUrl) }),
      }
    },
  }
}

function formatTime(ms: number): string {
  return new Date(ms).toISOString()
}
