import { isDeepStrictEqual } from 'node:util'
import type { ClientSpec, HookEvent } from './catalog.ts'
import { type Change, undoing } from './change.ts'
import { readJson, removeValue, setValue } from './json-edit.ts'
import type { Ledger } from './ledger.ts'
import { placeOfFile, type Surroundings } from './places.ts'
import type { SelfCall } from './program.ts'
import { editing, type Slot } from './slot.ts'
import { readTextFile } from './text-file.ts'

export const HOOK_EVENTS: readonly HookEvent[] = ['session-start', 'prompt', 'stop']

/** After so many seconds the client goes on without us; we give up well before. */
const TIMEOUT_S = 10

export type HookSlot = Pick<Slot, 'client' | 'scope' | 'file'> &
  Readonly<{ hooks: NonNullable<ClientSpec['hooks']> }>

/** @returns null for a client without hooks */
export function hookSlotOf(client: ClientSpec, around: Surroundings): HookSlot | null {
  const { hooks } = client
  const file = hooks ? placeOfFile(hooks.files, around) : null
  return hooks && file !== null ? { client, scope: 'user', file, hooks } : null
}

export type HookState = 'absent' | 'current' | 'stale'

/** @throws CliError `E_CLIENT_FILE` for a file that cannot be read. */
export function lookAtHooks(slot: HookSlot, self: SelfCall): HookState {
  const text = readTextFile(slot.file)?.text ?? ''
  const content = editing(slot, () => readJson(text))
  const states = HOOK_EVENTS.map((event): HookState => {
    const [ours] = oursIn(listOf(content, slot, event))
    if (!ours) return 'absent'
    return isDeepStrictEqual(ours.handler, handlerOf(slot.client, event, self))
      ? 'current'
      : 'stale'
  })
  if (states.every((state) => state === 'absent')) return 'absent'
  return states.every((state) => state === 'current') ? 'current' : 'stale'
}

/** The commands that the client is to run, for a person to read before they are written. */
export function hookCommands(
  client: ClientSpec,
  self: SelfCall,
): readonly Readonly<{ event: string; command: string }>[] {
  return HOOK_EVENTS.map((event) => ({
    event: client.hooks!.events[event],
    command: handlerOf(client, event, self).command,
  }))
}

/** @returns null when all of them are there already. */
export function hooking(slot: HookSlot, self: SelfCall): Change | null {
  const file = readTextFile(slot.file)
  const { text, made } = editing(slot, () =>
    HOOK_EVENTS.reduce(
      (before, event) => {
        const after = withHook(before.text, slot, event, self)
        return { text: after.text, made: before.made + after.made }
      },
      { text: file?.text ?? '', made: 0 },
    ),
  )
  if (text === file?.text) return null
  const clean = file === null || withoutHooks(file.text, slot, 0) === file.text
  return {
    kind: 'add',
    slot,
    part: 'hooks',
    before: file,
    after: (file?.mark ?? '') + text,
    made,
    clean,
  }
}

/** @returns null when there is none of ours. */
export function unhooking(slot: HookSlot, ledger: Ledger): Change | null {
  const file = readTextFile(slot.file)
  if (file === null || editing(slot, () => withoutHooks(file.text, slot, 0)) === file.text)
    return null
  return undoing(slot, 'hooks', file, ledger, (text, made) => withoutHooks(text, slot, made))
}

function withHook(text: string, slot: HookSlot, event: HookEvent, self: SelfCall) {
  const path = ['hooks', slot.hooks.events[event]]
  const handler = handlerOf(slot.client, event, self)
  const [ours] = oursIn(listOf(readJson(text), slot, event))
  if (!ours) return setValue(text, [...path, '-'], { hooks: [handler] })
  if (isDeepStrictEqual(ours.handler, handler)) return { text, made: 0 }
  const place = [...path, ours.group, 'hooks', ours.index]
  return { text: setValue(text, place, handler).text, made: 0 }
}

function withoutHooks(text: string, slot: HookSlot, made: number): string {
  return HOOK_EVENTS.reduce((before, event) => {
    const path = ['hooks', slot.hooks.events[event]]
    return oursIn(listOf(readJson(before), slot, event)).reduceRight(
      (rest, { group, index, alone }) => {
        if (!alone) return removeValue(rest, [...path, group, 'hooks', index])
        // Lists that were made for us, and the object around them, go with the last hook in them.
        return removeValue(rest, [...path, group], made > 0 ? 2 : 0)
      },
      before,
    )
  }, text)
}

type Handler = Readonly<{ type: string; command: string; timeout: number }>
type Ours = Readonly<{ group: number; index: number; alone: boolean; handler: unknown }>

function listOf(content: unknown, { hooks }: HookSlot, event: HookEvent): readonly unknown[] {
  const list = field(field(content, 'hooks'), hooks.events[event])
  return Array.isArray(list) ? list : []
}

/** Groups of hooks with ours among them; `alone` when the group holds nothing else. */
function oursIn(groups: readonly unknown[]): Ours[] {
  return groups.flatMap((one, group) => {
    const handlers = field(one, 'hooks')
    if (!Array.isArray(handlers)) return []
    return handlers.flatMap((handler, index) =>
      isOurHook(field(handler, 'command'))
        ? [{ group, index, alone: handlers.length === 1, handler }]
        : [],
    )
  })
}

function isOurHook(command: unknown): boolean {
  return (
    typeof command === 'string' &&
    /\bhook (?:session-start|prompt|stop) --client [a-z]/.test(command) &&
    /engram|cli[\\/]main\.ts/i.test(command)
  )
}

function handlerOf(client: ClientSpec, event: HookEvent, self: SelfCall): Handler {
  const words = [self.command, ...self.first, 'hook', event, '--client', client.id, ...self.last]
  const env = Object.entries(self.env).map(([name, value]) => `${name}=${quoted(value)}`)
  return { type: 'command', command: [...env, ...words.map(quoted)].join(' '), timeout: TIMEOUT_S }
}

/** As a shell reads it as one word. */
function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word
  if (process.platform === 'win32') return `"${word.replaceAll('\\', '/')}"`
  return `'${word.replaceAll("'", `'\\''`)}'`
}

function field(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object'
    ? (value as Record<string, unknown>)[name]
    : undefined
}
