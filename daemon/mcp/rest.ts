import type { z } from 'zod'

/** The REST interface as the tools use it: over HTTP from another process, or within the daemon. */
export interface Rest {
  /** @throws an Error whose message is one sentence, with `code` and `fix` where there is one. */
  ask<T extends z.ZodType>(answer: T, request: RestRequest): Promise<z.output<T>>
  tell(request: RestRequest): Promise<void>
}

export type RestRequest = Readonly<{
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  body?: unknown
  waitMs?: number
  /** Done twice it is as done once: it may be asked again when the daemon went away meanwhile. */
  repeatable?: boolean
}>
