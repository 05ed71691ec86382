/** Tells the edge's program to end as soon as all its code is compiled. */
export const compileFlag = '--compile'
/** Tells a process that it is to take a predecessor's place. */
export const successorFlag = '--successor'
/** In the place of a configuration file: its text stands in ATRIUM_EDGE_CONFIG. */
export const environmentFlag = '-'
