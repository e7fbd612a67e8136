/** Shapes of requests and answers. The OpenAPI document is generated from these, the server checks by them. */
import { z } from 'zod'
import { type Json, ORIGINS, ROLES, STATUSES } from '../../memory/memory.ts'
import { RESOLUTIONS } from '../../storage/conflicts.ts'

/** Text that is kept: trimmed, not blank, bounded. */
const kept = (max: number) => z.string().trim().min(1).max(max)

export const LIMITS = {
  content: 4_000,
  category: 80,
  namespace: 128,
  externalId: 255,
  keyName: 120,
  source: 80,
  sessionId: 255,
  query: 4_000,
  captureText: 20_000,
  captureMessages: 500,
  quote: 4_000,
  metadataBytes: 16_384,
  importBytes: 64 * 1024 * 1024,
  chatBytes: 64 * 1024 * 1024,
} as const

export const namespaceName = kept(LIMITS.namespace)
export const content = kept(LIMITS.content)
/** Categories are compared: lower-case, words joined by underscores. */
export const category = kept(LIMITS.category).transform((text) =>
  text.toLowerCase().replace(/\s+/g, '_'),
)

/**
 * What a JSON parser read is JSON. zod's own schema of it is recursive, and refers to a definition that has no
 * place in an OpenAPI document.
 */
const anyJson = z.custom<Json>()
const jsonObject = z.record(z.string(), anyJson)

const metadata = jsonObject.refine(
  (value) => Buffer.byteLength(JSON.stringify(value)) <= LIMITS.metadataBytes,
  {
    message: `must be at most ${LIMITS.metadataBytes} bytes as JSON`,
  },
)

const INSTANT_RULE = 'must be an ISO 8601 time or epoch milliseconds'
/** `Date.parse` alone reads much else: "1" as a day in 2001. */
const ISO_DAY = /^[+-]?\d{4,6}-\d\d/

/** An ISO 8601 instant or day, or epoch milliseconds; becomes epoch milliseconds. */
export const instant = z
  .union([z.string(), z.number()], { error: INSTANT_RULE })
  .transform((value, context) => {
    const at =
      typeof value === 'number' ? value : ISO_DAY.test(value) ? Date.parse(value) : Number.NaN
    // What a Date can hold (ECMA-262, "Time Values and Time Range").
    if (Number.isFinite(at) && Math.abs(at) <= 8.64e15) return Math.trunc(at)
    context.addIssue({ code: 'custom', message: INSTANT_RULE })
    return z.NEVER
  })

const isoTime = z.iso.datetime().describe('ISO 8601, UTC')
const page = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
}

// Users and keys

export const externalId = kept(LIMITS.externalId)
export const newUser = z.object({ external_id: externalId })
export const keyScope = z.enum(['read', 'write', 'proxy'])
export const userQuery = z.object(page)
export const newKey = z.object({
  name: kept(LIMITS.keyName),
  scope: keyScope.default('write'),
  expires_at: instant.nullish(),
})
export const serviceKey = z.object({
  external_id: externalId,
  key_name: kept(LIMITS.keyName).default('default'),
  workspace_name: kept(LIMITS.keyName)
    .optional()
    .describe('taken from clients of earlier servers, to no effect: a user has one workspace'),
})
export const userSettings = z.object({
  max_memories_injected: z.number().int().min(1).max(20).nullish(),
  retrieval_threshold: z.number().min(0).max(1).nullish(),
  dedup_threshold: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .describe(
      'taken from clients of earlier servers, to no effect: nothing is merged by likeness alone, and what replaces a memory keeps it',
    ),
})

export const userAnswer = z.object({ id: z.string(), external_id: z.string(), created_at: isoTime })
export const createdUser = userAnswer.extend({ api_key: z.string().describe('shown this once') })
export const keyAnswer = z.object({
  id: z.string(),
  name: z.string(),
  hint: z.string(),
  scope: keyScope,
  created_at: isoTime,
  last_used_at: isoTime.nullable(),
  expires_at: isoTime.nullable(),
})
export const createdKey = keyAnswer.extend({ api_key: z.string().describe('shown this once') })
export const appAnswer = z.object({
  id: z.string().describe('of the consent, to revoke it by'),
  name: z.string().describe('as the app calls itself'),
  scope: keyScope,
  resource: z.string().describe('the only address that its tokens open'),
  created_at: isoTime,
  last_used_at: isoTime,
})
export const newApproval = z.object({ scope: keyScope.default('write') })
export const approvalAnswer = z.object({
  code: z.string().describe('to be typed into the page that the app opens; good for one use'),
  scope: keyScope,
  expires_at: isoTime,
})
export const settingsAnswer = z.object({
  max_memories_injected: z.number(),
  retrieval_threshold: z.number().nullable(),
})

// Memories

export const memoryStatus = z.enum(STATUSES)
export const memoryAnswer = z.object({
  id: z.string(),
  namespace: z.string(),
  content: z.string(),
  category: z.string(),
  status: memoryStatus,
  pinned: z.boolean(),
  confidence: z.number(),
  source: z.string(),
  origin: z.enum(ORIGINS),
  valid_from: isoTime.nullable(),
  valid_to: isoTime.nullable(),
  superseded_by: z.string().nullable(),
  expires_at: isoTime.nullable(),
  source_conversation_id: z.string().nullable(),
  evidence: z.object({
    conversation_id: z.string().nullable(),
    turn_id: z.string().nullable(),
    quote: z.string().nullable(),
  }),
  speaker: z.string().nullable().optional().describe('who said it, by name; in exports'),
  place: z.number().optional().describe('its place in the conversation; in exports'),
  metadata: jsonObject,
  access_count: z.number(),
  last_accessed: isoTime.nullable(),
  last_confirmed: isoTime.nullable(),
  created_at: isoTime,
  updated_at: isoTime,
})

export const addedMemory = memoryAnswer.extend({
  changed: z
    .array(z.string())
    .optional()
    .describe('fields that became others, of a memory that said the same before'),
})

export const memoryQuery = z.object({
  ...page,
  search: z.string().max(LIMITS.query).optional(),
  order: z
    .enum(['created_at', 'updated_at', 'last_accessed', 'access_count'])
    .default('created_at'),
  direction: z.enum(['asc', 'desc']).default('desc'),
  status: z.enum([...STATUSES, 'all']).default('approved'),
  category: category.optional(),
  pinned: z.stringbool({ truthy: ['true'], falsy: ['false'] }).optional(),
  namespace: namespaceName.optional(),
  id_prefix: kept(80).optional().describe('in any namespace and status'),
})
export const pageQuery = z.object({ ...page, namespace: namespaceName.optional() })
export const namespaceQuery = z.object({ namespace: namespaceName.optional() })
export const memoryPage = z.object({
  memories: z.array(memoryAnswer),
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
})

export const newMemory = z.object({
  content,
  category: category.nullish().describe('by the words of the statement when it is left out'),
  pinned: z.boolean().default(false),
  namespace: namespaceName.optional(),
  expires_at: instant.nullish(),
  valid_from: instant.nullish(),
  metadata: metadata.optional(),
})

export const memoryPatch = z
  .object({
    content: content.optional(),
    category: category.optional(),
    pinned: z.boolean().optional(),
    status: z.enum(['approved', 'pending', 'rejected']).optional(),
    expires_at: instant.nullish(),
    valid_from: instant.nullish(),
    valid_to: instant.nullish(),
    metadata: metadata.optional(),
  })
  .refine((patch) => Object.values(patch).some((value) => value !== undefined), {
    message: 'must change at least one field',
  })

/** One line of an import: an exported memory, or as little as its content. */
export const importItem = z.object({
  id: z
    .string()
    .regex(/^[\w-]{1,80}$/, 'must be letters, digits, - and _, at most 80')
    .optional(),
  content,
  namespace: namespaceName.optional(),
  category: category.nullish(),
  status: memoryStatus.optional(),
  pinned: z.boolean().optional(),
  confidence: z.number().min(0).max(1).optional(),
  source: kept(LIMITS.source).optional(),
  origin: z.enum(ORIGINS).optional(),
  valid_from: instant.nullish(),
  valid_to: instant.nullish(),
  superseded_by: z.string().max(80).nullish(),
  expires_at: instant.nullish(),
  evidence: z
    .object({
      conversation_id: z.string().max(255).nullish(),
      turn_id: z.string().max(255).nullish(),
      quote: z.string().max(LIMITS.quote).nullish(),
    })
    .optional(),
  speaker: z.string().max(120).nullish(),
  place: z.number().int().min(0).max(2_000_000_000).nullish(),
  source_conversation_id: z.string().max(255).nullish(),
  metadata: metadata.optional(),
  access_count: z.number().int().min(0).optional(),
  last_accessed: instant.nullish(),
  last_confirmed: instant.nullish(),
  created_at: instant.optional(),
  updated_at: instant.optional(),
})
export const importAnswer = z.object({
  imported: z.number(),
  unchanged: z.number().describe('already here, word for word or by id'),
  rejected: z
    .array(z.object({ line: z.number(), detail: z.string() }))
    .describe('the first hundred lines that were refused'),
  rejected_total: z.number(),
})

const captureMessage = z.strictObject({
  role: z.enum(ROLES),
  content: kept(LIMITS.captureText),
  name: kept(120).nullish(),
  created_at: instant.nullish(),
})
export const capture = z
  .object({
    user_message: kept(LIMITS.captureText).optional(),
    assistant_response: z.string().trim().max(LIMITS.captureText).optional(),
    messages: z.array(captureMessage).min(1).max(LIMITS.captureMessages).optional(),
    source: kept(LIMITS.source).default('mcp'),
    session_id: kept(LIMITS.sessionId).nullish(),
    namespace: namespaceName.optional(),
  })
  .refine((given) => (given.messages === undefined) !== (given.user_message === undefined), {
    message: 'must hold either user_message or messages',
  })
export const captureQuery = z.object({ wait: z.coerce.number().min(0).max(30).default(30) })
export const captureAnswer = z.object({
  conversation_id: z.string(),
  job_id: z.string().nullable(),
  memories_extracted: z.number(),
  extracted_memories: z.array(memoryAnswer),
  source: z.string(),
  session_id: z.string().nullable(),
})
export const captureQueued = z.object({
  conversation_id: z.string(),
  job_id: z.string(),
  state: z.string(),
})

export const search = z.object({
  query: kept(LIMITS.query),
  limit: z.number().int().min(1).max(100).default(5),
  threshold: z.number().min(0).max(1).nullish(),
  namespace: namespaceName.optional(),
  explain: z
    .boolean()
    .default(false)
    .describe('with the parts of each score, and everything that was considered'),
  pinned: z.boolean().default(false).describe('also what is pinned, whatever the question'),
  prompt: z
    .boolean()
    .default(false)
    .describe('the query is what somebody writes to an assistant: only what is surely about it'),
  receipt: z
    .boolean()
    .default(true)
    .describe('false for a measurement: no receipt is kept and no use counted'),
})
export const scoreParts = z.object({
  lexical: z.number().describe("share of what the question's words could score"),
  cosine: z.number(),
  evidence: z.number().describe('what both come to; from `boundary` on it is about the question'),
  fused: z.number().describe('what it is ranked by: the evidence, and more for what `notes` say'),
  notes: z.array(z.string()),
})
export const candidateAnswer = z.object({
  kind: z.enum(['memory', 'turn']),
  id: z.string(),
  content: z.string(),
  score: z.number(),
  parts: scoreParts,
  admitted: z.boolean(),
  reason: z.string(),
})
export const searchAnswer = z.object({
  results: z.array(
    z.object({ memory: memoryAnswer, score: z.number(), parts: scoreParts.optional() }),
  ),
  candidates: z.array(candidateAnswer).optional().describe('with `explain`: best first'),
  boundary: z
    .object({ memory: z.number(), turn: z.number() })
    .optional()
    .describe('with `explain`: the evidence from which each kind is about the question'),
  turns: z
    .array(
      z.object({
        turn_id: z.string(),
        conversation_id: z.string(),
        content: z.string(),
        said_at: isoTime,
        score: z.number(),
      }),
    )
    .describe("the user's own words of earlier conversations where no memory says it"),
  mode: z.enum(['hybrid', 'text']),
  degraded: z.string().nullable(),
  receipt_id: z.string().describe('empty when none was asked for'),
  took_ms: z.number(),
})

export const resolve = z.object({ resolution: z.enum(RESOLUTIONS) })
export const conflictAnswer = z.object({
  id: z.string(),
  status: z.enum(['open', 'resolved']),
  reason: z.string(),
  resolution: z.enum(RESOLUTIONS).nullable(),
  created_at: isoTime,
  resolved_at: isoTime.nullable(),
  existing_memory: memoryAnswer,
  proposed_memory: memoryAnswer,
})
export const conflictPage = z.object({
  conflicts: z.array(conflictAnswer),
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
})

// Journal, conversations, logs, jobs

export const eventAnswer = z.object({
  id: z.string(),
  operation_id: z.string(),
  memory_id: z.string(),
  namespace: z.string(),
  kind: z.string(),
  actor: z.string(),
  cause: jsonObject,
  before: memoryAnswer.nullable(),
  after: memoryAnswer.nullable(),
  created_at: isoTime,
  undone_by: z.string().nullable(),
})
export const eventList = z.object({ events: z.array(eventAnswer) })
export const undo = z.object({
  target: kept(80)
    .nullish()
    .describe("an event's, operation's or memory's id; the latest change without"),
})

export const turnAnswer = z.object({
  id: z.string(),
  position: z.number(),
  role: z.enum(ROLES),
  speaker: z.string().nullable(),
  content: z.string(),
  truncated: z.boolean(),
  model: z.string().nullable(),
  said_at: isoTime,
  memory_count: z.number().nullable(),
})
export const conversationAnswer = z.object({
  id: z.string(),
  namespace: z.string(),
  source: z.string(),
  session_id: z.string().nullable(),
  turns: z.number(),
  created_at: isoTime,
  updated_at: isoTime,
})
export const conversationPage = z.object({
  conversations: z.array(conversationAnswer),
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
})
export const conversationWithTurns = conversationAnswer.omit({ turns: true }).extend({
  turns: z.array(turnAnswer),
})
export const conversationSearch = z.object({
  query: kept(LIMITS.query),
  limit: z.number().int().min(1).max(50).default(5),
  threshold: z.number().min(0).max(1).nullish(),
  around: z
    .number()
    .int()
    .min(0)
    .max(10)
    .default(1)
    .describe('so many turns before and after each one that was found come with it'),
  namespace: namespaceName.optional(),
})
export const conversationHits = z.object({
  results: z.array(
    z.object({
      conversation_id: z.string(),
      turn_id: z.string().describe('the turn that was found'),
      said_at: isoTime,
      score: z.number(),
      turns: z.array(turnAnswer).describe('that turn among its neighbours, in order'),
    }),
  ),
  mode: z.enum(['hybrid', 'text']),
  degraded: z.string().nullable(),
  receipt_id: z.string(),
  took_ms: z.number(),
})
export const memorySource = z.object({
  memory: memoryAnswer,
  conversation: conversationWithTurns.nullable(),
})

export const logQuery = z.object({
  ...page,
  conversation_id: kept(255).optional(),
  namespace: namespaceName.optional(),
  kind: z.enum(['chat', 'search']).optional(),
})
export const logAnswer = z.object({
  id: z.string(),
  namespace: z.string(),
  kind: z.enum(['chat', 'search']),
  query: z.string(),
  conversation_id: z.string().nullable(),
  retrieved_memories: z
    .array(z.object({ memory_id: z.string(), content: z.string(), score: z.number() }))
    .describe('what was handed over, in the words of that moment'),
  injected: z.number(),
  tokens: z.number(),
  took_ms: z.number(),
  detail: jsonObject.describe(
    'every candidate with score parts and reason, the settings in force, the outcome',
  ),
  created_at: isoTime,
})
export const logPage = z.object({
  logs: z.array(logAnswer),
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
})
export const logWithLearned = logAnswer.extend({
  learned: z.array(eventAnswer).describe('what the exchange taught'),
})

export const activityEvent = z.object({
  at: isoTime,
  namespace: z.string(),
  client: z.string(),
  provider: z.string(),
  path: z.string(),
  model: z.string().nullable(),
  status: z.number().nullable(),
  took_ms: z.number(),
  injected: z.number(),
  memory: z.string(),
  ending: z.enum(['complete', 'cut off', 'refused']),
  receipt_id: z.string().nullable(),
})

export const jobAnswer = z.object({
  id: z.string(),
  kind: z.string(),
  namespace: z.string(),
  state: z.enum(['queued', 'running', 'done', 'dead']),
  attempts: z.number(),
  error: z.string().nullable(),
  result: jsonObject.nullable(),
  created_at: isoTime,
  finished_at: isoTime.nullable(),
})
export const jobQuery = z.object({
  ...page,
  state: z.enum(['queued', 'running', 'done', 'dead']).optional(),
})
export const jobList = z.object({ jobs: z.array(jobAnswer) })

export const errorAnswer = z.object({
  detail: z.string().describe('what was wrong, with which value, and the rule'),
  code: z.string(),
  fix: z.string().optional().describe('what to do next'),
})
export const refusedImport = errorAnswer.extend(importAnswer.shape)
