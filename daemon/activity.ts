import { holdsSecret } from '../memory/english/secrets.ts'

/** Where a proxied request came from. */
export type Arrival = Readonly<{
  /** Epoch milliseconds. */
  at: number
  /** The program that sent it, by what it calls itself. */
  client: string
  /** Of the provider's API, without anything that stood in front of it or behind a question mark. */
  path: string
}>

/** One proxied request as a live view shows it: nothing that was said, no header, no key. */
export type Activity = Arrival &
  Readonly<{
    userId: string
    namespace: string
    provider: string
    /** null where the request names none that is read. */
    model: string | null
    /** What the client was answered; null when it left before an answer. */
    status: number | null
    /** From its arrival to the end of its answer. */
    tookMs: number
    /** How many memories went in. */
    injected: number
    /** What memory did, as `X-Engram-Memory` says it. */
    memory: string
    ending: 'complete' | 'cut off' | 'refused'
    receiptId: string | null
  }>

/** What happens on the proxy, for whoever watches. Nothing is kept. */
export type ActivityFeed = Readonly<{
  publish(activity: Activity): void
  /** Calls the listener for every request of this user from now on. @returns what ends that */
  subscribe(userId: string, listener: (activity: Activity) => void): () => void
  /** Resolves when the daemon stops: watchers leave then. */
  closed: Promise<void>
  close(): void
}>

export function createActivityFeed(): ActivityFeed {
  const watchers = new Map<string, Set<(activity: Activity) => void>>()
  const closed = Promise.withResolvers<void>()
  return {
    publish(activity) {
      const watching = watchers.get(activity.userId)
      if (!watching) return
      const shown = {
        ...activity,
        client: masked(activity.client),
        path: masked(activity.path),
        namespace: masked(activity.namespace),
        model: activity.model === null ? null : masked(activity.model),
      }
      for (const listener of watching) listener(shown)
    },
    subscribe(userId, listener) {
      const watching = watchers.getOrInsertComputed(userId, () => new Set())
      watching.add(listener)
      return () => {
        watching.delete(listener)
        if (watching.size === 0 && watchers.get(userId) === watching) watchers.delete(userId)
      }
    },
    closed: closed.promise,
    close: () => closed.resolve(),
  }
}

const MAX_NAME_CHARACTERS = 80

/** A name that a client chose freely: people paste keys into the wrong field. */
function masked(name: string): string {
  if (holdsSecret(name)) return '(hidden: looks like a key)'
  return name.length > MAX_NAME_CHARACTERS ? `${name.slice(0, MAX_NAME_CHARACTERS)}…` : name
}

export function arrivalOf(headers: Headers, path: string, at: number): Arrival {
  return { at, client: clientName(headers), path }
}

/** The program behind a user-agent: "claude-cli/2.1 (external)" is claude-cli. */
function clientName(headers: Headers): string {
  const [product] = (headers.get('user-agent') ?? '').trim().split(/[\s/(]/, 1)
  return product || 'unknown'
}
