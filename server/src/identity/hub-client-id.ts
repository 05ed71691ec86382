/** OAuth client id of tokens that were asked for by page or API. */
export const hubClientId = 'jupyterhub'
