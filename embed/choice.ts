import { isAbsolute } from 'node:path'
import { EngramError } from '../memory/errors.ts'
import { CATALOGUE, catalogueModel } from './catalogue.ts'

/** Which embedder, as a command or the setting `embedding.model` names it. */
export type EmbedderChoice =
  | Readonly<{ kind: 'minilm' | 'static' }>
  | Readonly<{ kind: RemoteKind; model: string }>
  | Readonly<{ kind: 'folder'; path: string }>
  | Readonly<{ kind: 'named'; name: string }>

export const REMOTE_KINDS = ['openai', 'ollama'] as const
/** The dialect of a server: OpenAI's `/embeddings`, which many speak, or Ollama's `/api/embed`. */
export type RemoteKind = (typeof REMOTE_KINDS)[number]

const MAX_CHARACTERS = 1_000
const MODEL_NAME = /^[\x21-\x7e]{1,200}$/

/**
 * Reads minilm, static, openai:MODEL, ollama:MODEL, the absolute path of a folder, or a name of the catalogue.
 *
 * @throws EngramError `invalid` saying what it may be.
 */
export function readChoice(given: string): EmbedderChoice {
  const choice = given.trim()
  if (choice === 'minilm' || choice === 'static') return { kind: choice }
  if (choice.length > MAX_CHARACTERS) throw unknown(`${choice.slice(0, 40)}…`)
  if (isAbsolute(choice)) return { kind: 'folder', path: choice }
  const remote = REMOTE_KINDS.find((kind) => choice.startsWith(`${kind}:`))
  if (remote) {
    const model = choice.slice(remote.length + 1)
    if (MODEL_NAME.test(model)) return { kind: remote, model }
    throw new EngramError('invalid', `${remote}: must be followed by the name of a model`, {
      fix:
        remote === 'openai'
          ? 'engram embeddings use openai:text-embedding-3-small'
          : 'engram embeddings use ollama:nomic-embed-text',
    })
  }
  if (catalogueModel(choice)) return { kind: 'named', name: choice }
  throw unknown(choice)
}

/** The choice as it is written and kept. */
export function choiceText(choice: EmbedderChoice): string {
  switch (choice.kind) {
    case 'openai':
    case 'ollama':
      return `${choice.kind}:${choice.model}`
    case 'folder':
      return choice.path
    case 'named':
      return choice.name
    default:
      return choice.kind
  }
}

function unknown(choice: string): EngramError {
  return new EngramError('invalid', `there is no embedder ${JSON.stringify(choice)}`, {
    fix: `one of minilm, static, openai:MODEL, ollama:MODEL, the absolute path of a folder, ${CATALOGUE.map(({ name }) => name).join(', ')}`,
  })
}
