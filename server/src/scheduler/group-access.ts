import type { JobOwner } from './job.ts'

/** Nobody but the owner, and whoever is in the group of a folder with setgid. */
const groupUmask = 0o007

/** Tells a job where the folders of its owner's groups are; the launchers make `~/shared` of it. */
export function buildSharedEnvironment({ groups = [], shared }: JobOwner): Record<string, string> {
  return groups.length === 0 || shared === undefined ? {} : { ATRIUM_SHARED: shared }
}

/**
 * Members can change what the others make in their folder: that takes a mask that leaves the group its rights. Undefined, for the launcher's own
 * (0077), where there is no such folder, and where an owner's own group may have others in it, who would see into the home.
 */
export function findUmask({ groups = [], uid, gid }: JobOwner): number | undefined {
  return groups.length > 0 && uid === gid ? groupUmask : undefined
}
