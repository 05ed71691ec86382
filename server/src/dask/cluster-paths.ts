/** Where Dask Gateway's protocol and the clusters' dashboards are, on the platform's own address. */
export const gatewayPath = '/gateway'

/** The route prefix of a cluster's dashboard, as the edge has it. */
export function buildDashboardPrefix(name: string): string {
  return `${gatewayPath}/clusters/${name}/`
}

/** What clients of `dask_gateway` ask for in their ClientHello. */
export function buildServerName(name: string): string {
  return `daskgateway-${name}`
}
