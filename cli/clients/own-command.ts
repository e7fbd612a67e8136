import { spawn } from 'node:child_process'
import type { ClientSpec, Transport } from './catalog.ts'
import { ownArguments, type Wanted } from './entry.ts'
import { programOnPath, type Surroundings } from './places.ts'

/** A command line of a client's own. */
export type OwnCommand = Readonly<{ program: string; args: readonly string[] }>

/** The client's own command for adding us, as it is shown; null when it has none. */
export function shownCommand(
  client: ClientSpec,
  transport: Transport,
  wanted: Wanted,
): OwnCommand | null {
  const template = client.own?.add[transport]
  if (!client.own || !template) return null
  return { program: client.own.program, args: ownArguments(client, template, transport, wanted) }
}

/** The same, when it is to be used here rather than an edit of the file, by absolute path. */
export function usedCommand(
  client: ClientSpec,
  what: 'add' | 'remove',
  transport: Transport,
  wanted: Wanted,
  around: Surroundings,
): OwnCommand | null {
  const { own } = client
  const template = what === 'add' ? own?.add[transport] : own?.remove
  if (own?.use !== 'first' || !template) return null
  const program = programOnPath(own.program, around)
  return program ? { program, args: ownArguments(client, template, transport, wanted) } : null
}

export type Ran = Readonly<{ ok: boolean; output: string }>

const TIMEOUT_MS = 30_000

/** Runs it without a shell and without a terminal, and waits for its end. */
export async function runOwn(
  { program, args }: OwnCommand,
  { env, cwd }: Surroundings,
  signal: AbortSignal,
): Promise<Ran> {
  const child = spawn(program, [...args], {
    cwd,
    env: env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    signal,
    windowsHide: true,
  })
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => chunks.push(String(chunk)))
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      chunks.push(error.message)
      resolve(null)
    })
    child.on('close', resolve)
  })
  return { ok: code === 0, output: chunks.join('') }
}

/** As a person would type it. */
export function asLine({ program, args }: OwnCommand): string {
  const word = (text: string) =>
    /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
  return [program, ...args].map(word).join(' ')
}
