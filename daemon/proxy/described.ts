import { LIMITS } from '../rest/schema.ts'

/**
 * The proxied endpoints for the OpenAPI document: our headers, and bodies that are the providers' own. Beside them
 * every header of the provider's API passes.
 */

type HeaderText = Readonly<{ name: string; says: string; schema?: object }>

const text = { type: 'string' } as const
const oneOf = (...values: string[]) => ({ type: 'string', enum: values })
const ASKED: readonly HeaderText[] = [
  { name: 'X-Engram-Key', says: 'whose memories; on this machine nobody needs one' },
  {
    name: 'X-Engram-User-ID',
    says: 'the external id of the user of the key; with an admin key, whom it acts for',
  },
  {
    name: 'X-Engram-Provider',
    says: 'the provider that is to answer; the path tells without',
    schema: oneOf('openai', 'anthropic', 'gemini', 'ollama'),
  },
  {
    name: 'X-Engram-Provider-Key',
    says: 'a provider’s key for this request, in place of the client’s',
  },
  {
    name: 'X-Engram-Memory',
    says: 'whether memory is added, and whether the exchange is learned from',
    schema: { ...oneOf('on', 'read', 'write', 'off'), default: 'on' },
  },
  { name: 'X-Engram-Disable-Injection', says: 'true: no memory is added' },
  { name: 'X-Engram-Disable-Extraction', says: 'true: the exchange is not learned from' },
  {
    name: 'X-Engram-Namespace',
    says: 'another partition of the memories',
    schema: { ...text, maxLength: LIMITS.namespace },
  },
  {
    name: 'X-Engram-Placement',
    says: 'where the block goes: into the turn that asks, or to the end of the system text',
    schema: { ...oneOf('turn', 'system'), default: 'turn' },
  },
  {
    name: 'X-Engram-Conversation-ID',
    says: 'the conversation, by our id or by one of the client’s sessions; without it the history tells',
    schema: { ...text, maxLength: LIMITS.sessionId },
  },
]

const ANSWERED: readonly HeaderText[] = [
  {
    name: 'X-Engram-Memory',
    says: 'what memory did: used, none, or skipped with a reason; degraded=text when words alone decided',
  },
  {
    name: 'X-Engram-Memories-Injected',
    says: 'how many went in',
    schema: { type: 'integer', minimum: 0 },
  },
  { name: 'X-Engram-Receipt', says: 'the id of the receipt, at GET /logs/{id}' },
  { name: 'X-Engram-Conversation-ID', says: 'our id of the conversation' },
  {
    name: 'X-Engram-Dropped',
    says: 'what of the request the provider has no word for (POST /v1/chat and translated requests)',
  },
]

const ANYTHING = { 'application/json': { schema: { type: 'object' } } } as const

export const PROXY_PARAMETERS: readonly object[] = ASKED.map(({ name, says, schema = text }) => ({
  name,
  in: 'header',
  description: says,
  required: false,
  schema,
}))

export const PROXY_REQUEST_BODY = {
  description: 'as the provider’s API has it; every field passes',
  required: true,
  content: ANYTHING,
} as const

export const PROXY_ANSWER_HEADERS: Readonly<Record<string, object>> = Object.fromEntries(
  ANSWERED.map(({ name, says, schema = text }) => [name, { description: says, schema }]),
)

export const PROXY_REFUSAL = {
  description: 'what was wrong: the provider’s own answer, or ours in its form',
  content: ANYTHING,
} as const
