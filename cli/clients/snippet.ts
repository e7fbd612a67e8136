import { appendTable } from '../toml-edit.ts'
import type { ClientSpec, Transport } from './catalog.ts'
import { TOML_COMMENT } from './document.ts'
import { entryOf, linkOf } from './entry.ts'
import { asLine, shownCommand } from './own-command.ts'
import { placeOfFile } from './places.ts'
import type { Workplace } from './workplace.ts'

/** What a person needs to connect a client by hand. */
export type Snippet = Readonly<{
  transport: Transport
  /** What to put into the file; null when it is done in the client's own window. */
  text: string | null
  file: string | null
  /** Path within a project. */
  project: string | null
  command: string | null
  link: string | null
  steps: readonly string[]
}>

/** Needs no right to write and changes nothing. */
export function snippetOf(
  client: ClientSpec,
  given: Transport | null,
  { around, wanted }: Workplace,
): Snippet {
  const transport = given ?? (client.entries.stdio ? 'stdio' : 'http')
  const entry = entryOf(client, transport, wanted)
  const place = client.user ?? client.printed
  const command = shownCommand(client, transport, wanted)
  return {
    transport,
    text: entry && place ? write(client, place.key, entry) : null,
    file: place ? placeOfFile(place.files, around) : null,
    project: client.project?.file ?? null,
    command: command && asLine(command),
    link: linkOf(client, transport, wanted),
    steps: client.steps.map((step) => step.replace('{url}', wanted.url)),
  }
}

function write(client: ClientSpec, key: readonly string[], entry: Record<string, unknown>): string {
  if (client.user?.format === 'toml')
    return appendTable('', key.join('.'), entry, TOML_COMMENT).trimEnd()
  const nested = [...key].reverse().reduce<unknown>((inner, name) => ({ [name]: inner }), entry)
  return client.print === 'yaml'
    ? Bun.YAML.stringify(nested, null, 2)
    : JSON.stringify(nested, null, 2)
}
