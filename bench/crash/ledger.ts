/**
 * What the client knows of each operation, kept outside of what is killed. Each carries a word of its own,
 * by which whatever it left behind is found.
 */
export type Kind = 'write' | 'capture' | 'capture and wait' | 'chat' | 'stream'

export type Operation = {
  readonly kind: Kind
  readonly token: string
  /** What is said, token included. */
  readonly words: string
  /** `ok` once the client saw the end of the answer; `unknown` while it did not, and for ever if killed. */
  outcome: 'unknown' | 'ok' | 'refused'
  /** Status of a refusal. */
  status: number | null
  /** Of a memory that was written. */
  memoryId: string | null
  /** Told by the headers of the answer, or by the answer. */
  conversationId: string | null
  /** How often it was sent: what is unknown is sent again, as clients do. */
  sent: number
}

/** Names that no other name looks like; of letters, as names are. */
export function tokenOf(number: number): string {
  let rest = number * 7_919 + 104_729
  let name = ''
  for (let i = 0; i < 6; i++) {
    name += SYLLABLES[rest % SYLLABLES.length]
    rest = Math.floor(rest / SYLLABLES.length)
  }
  return name[0]!.toUpperCase() + name.slice(1)
}

const SYLLABLES = [
  'ba',
  'de',
  'fi',
  'go',
  'ku',
  'la',
  'me',
  'ni',
  'po',
  'ru',
  'sa',
  'te',
  'vi',
  'xo',
  'zu',
]

/** Statements of lasting truth, which the rule extractor learns; any two hold at the same time. */
export const SAYINGS: readonly ((token: string) => string)[] = [
  (token) => `I enjoy the novels of ${token}.`,
  (token) => `I love the music of ${token}.`,
  (token) => `I like hiking around ${token}.`,
  (token) => `My project ${token} is written in Rust.`,
]
