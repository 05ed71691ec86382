import type { Store } from '#store/store.ts'
import type { JobKey } from './job.ts'

/** What a job told of itself from its node. `ended`: its program has. `memory`: it lost one for want of memory. */
export const placementNews = ['started', 'ports', 'ended', 'memory'] as const
export type PlacementNews = (typeof placementNews)[number]

/** Brings what a job tells one replica to the one that watches over it. */
export interface PlacementNewsroom {
  tell(key: JobKey, news: PlacementNews): void
  subscribe(listener: (key: JobKey, news: PlacementNews) => void): () => void
}

/**
 * News over the store's changes: topic `job-news`, key `ATTEMPT-KEY NEWS`. Only a hint, like every change: what was told stands in the
 * placement. `onTrouble`: news could not be passed on.
 */
export function createPlacementNewsroom(
  store: Store,
  onTrouble: (error: unknown) => void,
): PlacementNewsroom {
  return {
    tell(key, news) {
      store.transaction(async (tx) => tx.changed('job-news', `${key} ${news}`)).catch(onTrouble)
    },
    subscribe: (listener) =>
      store.onChange((changes) => {
        for (const { topic, key: text } of changes) {
          const [key = '', word] = text.split(' ')
          const news = placementNews.find((known) => known === word)
          if (topic === 'job-news' && news !== undefined) listener(key, news)
        }
      }),
  }
}
