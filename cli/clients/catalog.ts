import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { messageOf } from '../../memory/errors.ts'
import { CliError } from '../errors.ts'
import builtIn from './clients.json'

/** Paths with `~`, `${NAME:-default}` and `*` within a name, by platform; those of `all` come first. */
const byPlatform = z
  .strictObject({
    all: z.array(z.string()),
    darwin: z.array(z.string()),
    linux: z.array(z.string()),
    win32: z.array(z.string()),
  })
  .partial()
const names = byPlatform.omit({ all: true })

const key = z.array(z.string()).min(2)
/** Another key counts where the file has an object there: clients that changed their mind. */
const keyWhen = z.strictObject({ object: z.array(z.string()).min(1), key })
/** json: read by a parser of plain JSON; jsonc: comments and trailing commas are fine for the client too. */
const format = z.enum(['json', 'jsonc', 'toml'])

/** What a client keeps under its key. Placeholders: see `entry.ts`. */
const entry = z.record(z.string(), z.unknown())
const command = z.array(z.string()).min(1)
const transport = z.enum(['stdio', 'http'])

const clientSpec = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be lower-case letters, digits and -'),
  name: z.string(),
  aliases: z.array(z.string()).default([]),
  docs: z.url(),
  /** The day on which a person compared this entry with the documentation or the client. */
  checked: z.iso.date(),
  /** It is installed when one of these is there. */
  detect: z.strictObject({
    programs: z.array(z.string()).default([]),
    folders: byPlatform.default({}),
  }),
  /** Processes of a client that writes its file from memory, so that edits vanish while it runs. */
  running: names.optional(),
  user: z.strictObject({ format, files: byPlatform, key, keyWhen: keyWhen.optional() }).optional(),
  project: z
    .strictObject({
      format,
      file: z.string(),
      /** Used instead of `file` when they exist already. */
      or: z.array(z.string()).default([]),
      key,
      keyWhen: keyWhen.optional(),
    })
    .optional(),
  entries: z.partialRecord(transport, entry),
  /** How the client writes the value of the environment variable NAME; without it, it has no way to. */
  variable: z.string().optional(),
  /** The client's own command. `first`: used when it is installed; `print`: only shown, and `why`. */
  own: z
    .strictObject({
      program: z.string(),
      use: z.enum(['first', 'print']),
      why: z.string(),
      add: z.partialRecord(transport, command),
      remove: command.optional(),
    })
    .optional(),
  link: z.string().optional(),
  hooks: z
    .strictObject({
      format: z.literal('json'),
      files: byPlatform,
      /** The client's names of the moments. */
      events: z.strictObject({ 'session-start': z.string(), prompt: z.string(), stop: z.string() }),
      /** A switch in the [features] of the client's settings that hooks need, by its names, newest first. */
      feature: z
        .strictObject({ names: z.array(z.string()).min(1), list: command, why: z.string() })
        .optional(),
      next: z.string(),
    })
    .optional(),
  /** Not written, only printed, in this form. */
  print: z.enum(['json', 'yaml', 'text']).optional(),
  printed: z.strictObject({ files: byPlatform, key }).optional(),
  steps: z.array(z.string()).default([]),
  /** The one thing to do after connecting, and how to see that it worked. */
  next: z.string(),
  notes: z.array(z.string()).default([]),
})

const catalog = z.strictObject({ version: z.literal(1), clients: z.array(clientSpec) })

export type ClientSpec = Readonly<z.output<typeof clientSpec>>
export type ByPlatform = Readonly<z.output<typeof byPlatform>>
export type Format = z.output<typeof format>
export type Transport = z.output<typeof transport>
export type HookEvent = 'session-start' | 'prompt' | 'stop'

/**
 * The clients that are known: those that came with the program, and those of a file of the user's, which
 * replace the ones of the same id and come after the others.
 *
 * @throws CliError `E_INVALID` naming the file and the value that is wrong in it.
 */
export function readCatalog(userFile: string): readonly ClientSpec[] {
  const shipped = catalog.parse(builtIn).clients
  if (!existsSync(userFile)) return shipped
  const own = readUserCatalog(userFile)
  return [
    ...shipped.map((client) => own.find(({ id }) => id === client.id) ?? client),
    ...own.filter(({ id }) => shipped.every((client) => client.id !== id)),
  ]
}

function readUserCatalog(path: string): readonly ClientSpec[] {
  const fix = `mv ${path} ${path}.off`
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new CliError('E_INVALID', `${path} is not valid JSON: ${messageOf(error)}`, { fix })
  }
  const read = catalog.safeParse(content)
  if (read.success) return read.data.clients
  const [issue] = read.error.issues
  const where = issue?.path.join('.') || 'the file'
  throw new CliError('E_INVALID', `${path}: ${where}: ${issue?.message ?? 'is not understood'}`, {
    fix,
  })
}

/** @throws CliError `E_NOT_FOUND` naming those that were probably meant. */
export function findClient(clients: readonly ClientSpec[], given: string): ClientSpec {
  const name = given.toLowerCase().replaceAll('_', '-')
  const exact = clients.find(({ id, aliases }) => id === name || aliases.includes(name))
  if (exact) return exact
  const near = clients.filter(({ id, name: long, aliases }) =>
    [id, long.toLowerCase(), ...aliases].some((word) => word.includes(name) || name.includes(word)),
  )
  throw new CliError('E_NOT_FOUND', `there is no client "${given}"`, {
    ...(near.length > 0 ? { why: `did you mean ${near.map(({ id }) => id).join(' or ')}?` } : {}),
    fix: 'engram clients list --all',
  })
}
