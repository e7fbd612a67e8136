import { EngramError } from '../../memory/errors.ts'

/** Whether a request reads memory and whether it is learned from. */
export type MemoryMode = Readonly<{ read: boolean; write: boolean }>

/** `X-Engram-Memory: on | read | write | off`, and the contract's two switches on top of it. */
export function readMemoryMode(headers: Headers): MemoryMode {
  const mode = readChoice(headers, 'x-engram-memory', MODES) ?? MODES.on
  const noInjection = readChoice(headers, 'x-engram-disable-injection', SWITCH) ?? false
  const noExtraction = readChoice(headers, 'x-engram-disable-extraction', SWITCH) ?? false
  return { read: mode.read && !noInjection, write: mode.write && !noExtraction }
}

const MODES = {
  on: { read: true, write: true },
  read: { read: true, write: false },
  write: { read: false, write: true },
  off: { read: false, write: false },
} as const

const SWITCH = { true: true, '1': true, yes: true, false: false, '0': false, no: false } as const

/** @throws EngramError `invalid` naming the choices. */
export function readChoice<T>(
  headers: Headers,
  name: string,
  choices: Readonly<Record<string, T>>,
): T | null {
  const given = headers.get(name)
  if (given === null) return null
  const word = given.trim().toLowerCase()
  if (Object.hasOwn(choices, word)) return choices[word]!
  const names = Object.keys(choices).join(', ')
  throw new EngramError('invalid', `${name} must be one of ${names}, got "${given.slice(0, 40)}"`)
}
