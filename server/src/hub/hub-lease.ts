/** The lease of whoever does the hub's single-handed work. */
export const hubLeaseName = 'hub'
