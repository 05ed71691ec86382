/** Says what kept the edge from listening, and what to do about it. */
export function describeStartFailure(error: NodeJS.ErrnoException & { port?: number }): string {
  if (error.path !== undefined && error.syscall === 'open')
    return `${error.path} cannot be read (${error.code}). It is named in edge.tls: mend the name, or who may read it.`
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${error.port} is in use by another program. Stop it, or choose another port (--port, or edge.port in atrium.yaml).`
    case 'EACCES':
      return `Not allowed to listen on port ${error.port}. Ports below 1024 need root: choose another (--port, or edge.port in atrium.yaml).`
    case 'EADDRNOTAVAIL':
      return 'The address in edge.host is none of this machine. 127.0.0.1 serves this machine alone, 0.0.0.0 all networks.'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'The name in edge.host is not known here. Give an address: 127.0.0.1 serves this machine alone, 0.0.0.0 all networks.'
    default:
      return error.message
  }
}
