/**
 * States and changes as they came over a wire, from a program that may be older than this one: an edge that hands over, or a control plane.
 * What such programs do not know is empty.
 */
import type { EdgeChange, EdgeCredential, EdgeState } from '#edge/edge.ts'
import type { StatePush } from './control-messages.ts'

/** A state with everything that this program expects. */
export function fillState(state: EdgeState): EdgeState {
  return { ...state, tunnels: state.tunnels ?? [], credentials: state.credentials.map(fillCredential) }
}

/** A push with everything that this program expects. */
export function fillPush(push: StatePush): StatePush {
  return push.type === 'replace'
    ? { ...push, state: fillState(push.state) }
    : { ...push, changes: push.changes.map(fillChange) }
}

function fillChange(change: EdgeChange): EdgeChange {
  return change.type === 'credential-put'
    ? { ...change, credential: fillCredential(change.credential) }
    : change
}

function fillCredential(credential: EdgeCredential): EdgeCredential {
  return credential.clusters === undefined ? { ...credential, clusters: [] } : credential
}
