/**
 * The default Python environment, made once and kept outside the tree: by root where other users' jobs can read it. Answers its prefix.
 */
export declare function ensureTestEnvironment(): Promise<string>
