import { gatewayPath } from './cluster-paths.ts'

export interface GatewayVariablesInput {
  /** Where jobs reach the edge, without a path. */
  hubUrl: string
  /** Where browsers reach the platform, if an administrator said so. */
  publicUrl?: string
  /** The same as far as it is known. */
  browserUrl: string
  /** Folder with the package `atrium_client`, on every node. */
  clientFolder: string
}

/**
 * Variables by which dask_gateway's `Gateway()` and dask-labextension's panel, in a notebook server, find the platform. Arguments and files of
 * users go before the first; a scheduler's address follows from the gateway's, whose port is the edge's.
 */
export function buildGatewayVariables(input: GatewayVariablesInput): Record<string, string> {
  const { hubUrl, publicUrl = '', browserUrl, clientFolder } = input
  return {
    DASK_GATEWAY__ADDRESS: `${hubUrl}${gatewayPath}`,
    // Without a host a link leads to wherever the browser is: nobody may have said how it gets here.
    DASK_GATEWAY__PUBLIC_ADDRESS: `${publicUrl}${gatewayPath}`,
    DASK_GATEWAY__AUTH__TYPE: 'jupyterhub',
    DASK_LABEXTENSION__FACTORY__MODULE: 'atrium_client.dask_panel',
    DASK_LABEXTENSION__FACTORY__CLASS: 'GatewayCluster',
    ATRIUM_PUBLIC_URL: browserUrl,
    // Defaults of JupyterLab's settings.
    JUPYTER_CONFIG_PATH: `${clientFolder}/atrium_client/jupyter`,
  }
}
