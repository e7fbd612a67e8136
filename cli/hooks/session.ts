import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** What hooks remember of a session between two calls. No text: ids and times only. */
const session = z.object({
  /** Memories that stand in its context already. */
  given: z.array(z.string()),
  /** When its context began: at the start, and anew when it was cleared or compacted. Epoch milliseconds. */
  since: z.number(),
  /** The conversation that its exchanges are kept in. */
  conversationId: z.string().nullable(),
  /** The last question whose exchange was kept. */
  captured: z.string().nullable(),
})

export type Session = Readonly<z.output<typeof session>>

export type Sessions = Readonly<{
  read(id: string): Session | null
  write(id: string, value: Session): void
  /** Forgets those that nobody has come back to. */
  prune(now: number): void
}>

const KEPT_MS = 7 * 86_400_000

export function openSessions(stateDir: string, client: string): Sessions {
  const folder = join(stateDir, 'hook-sessions')
  const fileOf = (id: string) =>
    join(
      folder,
      `${createHash('sha256').update(`${client}\n${id}`).digest('hex').slice(0, 32)}.json`,
    )
  return {
    read(id) {
      const path = fileOf(id)
      if (!existsSync(path)) return null
      const read = session.safeParse(parseOrNull(readFileSync(path, 'utf8')))
      return read.success ? read.data : null
    },
    write(id, value) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const partial = `${fileOf(id)}.${process.pid}`
      writeFileSync(partial, JSON.stringify(value), { mode: 0o600 })
      renameSync(partial, fileOf(id))
    },
    prune(now) {
      if (!existsSync(folder)) return
      for (const name of readdirSync(folder)) {
        const path = join(folder, name)
        if (now - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { force: true })
      }
    },
  }
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // then the session begins anew
  }
}
