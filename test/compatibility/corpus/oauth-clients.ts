/** The site's OAuth clients as the steps name them: where to ask, and what a code is exchanged with. */
export const authorize = '/hub/api/oauth2/authorize'
export const token = 'POST /hub/api/oauth2/token'
export const dashboard =
  'client_id=service-dashboard&redirect_uri=%2Fservices%2Fdashboard%2Foauth_callback&response_type=code'
export const board =
  'client_id=service-board&redirect_uri=%2Fservices%2Fboard%2Foauth_callback&response_type=code'

export const exchange = {
  client_id: 'service-dashboard',
  client_secret: 'dashboard-token-0123456789abcdef',
  grant_type: 'authorization_code',
  redirect_uri: '/services/dashboard/oauth_callback',
}
export const exchangeOfBoard = {
  client_id: 'service-board',
  client_secret: 'board-token-0123456789abcdef0123',
  grant_type: 'authorization_code',
  redirect_uri: '/services/board/oauth_callback',
}
