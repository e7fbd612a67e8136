import type {
  CallToolResult,
  McpServer,
  ScopeChallengeHandler,
  ServerContext,
  StandardSchemaWithJSON,
  ToolAnnotations,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { messageOf } from '../../memory/errors.ts'
import { readValue } from '../read-value.ts'
import * as schema from '../rest/schema.ts'
import type { Rest } from './rest.ts'

/** What a tool has to work with. */
export type ToolContext = Readonly<{
  rest: Rest
  /** The partition to work in, as REST takes it. */
  inNamespace: Readonly<{ namespace?: string }>
  /** What the conversation takes place in: as it was set up, and otherwise when the model does not say. */
  source: Readonly<{ set: string | null; usual: string }>
}>

export type ToolDefinition<Input extends z.ZodObject, Output extends z.ZodObject> = Readonly<{
  name: string
  title: string
  /** For the model: what it does, when to use it, when not. */
  description: string
  annotations: ToolAnnotations
  input: Input
  output: Output
  /** Whether these arguments need the right to write; without it every use of a tool that is not read-only does. */
  writes?: (given: unknown) => boolean
  run(given: z.output<Input>, context: ToolContext): Promise<z.output<Output>>
}>

/** A tool with whatever input and output. */
export type Tool = Omit<ToolDefinition<z.ZodObject, z.ZodObject>, 'run'> &
  Readonly<{ run(given: never, context: ToolContext): Promise<object> }>

/** For the types of its parts; the value is as it is given. */
export function tool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  return definition
}

/** @param contextOf what a call has to work with, by the SDK's context of that call */
export function registerTool(
  server: McpServer,
  { name, title, description, annotations, input, output, run, writes }: Tool,
  contextOf: (call: ServerContext) => ToolContext,
): void {
  const strict = input.strict()
  const needsWrite = annotations.readOnlyHint ? () => false : (writes ?? (() => true))
  server.registerTool(
    name,
    {
      title,
      description,
      annotations,
      inputSchema: unread(strict),
      outputSchema: output,
      scopeChallenge: challengeWriting(needsWrite),
    },
    // The SDK's types cannot follow a schema that is a type parameter.
    (async (given: unknown, call: ServerContext) =>
      answer(() =>
        run(readValue(strict, given ?? {}, 'the arguments') as never, contextOf(call)),
      )) as never,
  )
}

/**
 * The schema for the list of tools, without its check: the SDK would answer in the words of the validator, and
 * `readValue` names field, value and rule.
 */
function unread(schema: z.ZodObject): StandardSchemaWithJSON {
  const { jsonSchema } = schema['~standard']
  return {
    '~standard': { version: 1, vendor: 'engram', jsonSchema, validate: (value) => ({ value }) },
  }
}

/**
 * An app that may only read is told which scope it lacks, so that it can ask the user for it. Whoever came with
 * a key is not: no page can widen it, and the tool says so.
 */
function challengeWriting(needsWrite: (given: unknown) => boolean): ScopeChallengeHandler {
  return ({ request, authInfo }) => {
    if (!authInfo || authInfo.scopes.includes('write')) return undefined
    const { arguments: given } = (request.params ?? {}) as { arguments?: unknown }
    return needsWrite(given) ? { scopes: ['read', 'write'] } : undefined
  }
}

/** A failure is an answer too: the model reads it and can do better. */
async function answer(run: () => Promise<object>): Promise<CallToolResult> {
  try {
    const value = await run()
    return {
      content: [{ type: 'text', text: JSON.stringify(value) }],
      structuredContent: value as Record<string, unknown>,
    }
  } catch (error) {
    return { content: [{ type: 'text', text: `Error: ${explain(error)}` }], isError: true }
  }
}

export function explain(error: unknown): string {
  const { code, fix } = error as { code?: unknown; fix?: unknown }
  const sentence = messageOf(error).replace(/\.$/, '')
  if (isNotFound(error)) {
    return `${sentence}. Ids must be whole and as they were given: find them with search_memories, list_memories or review_memories.`
  }
  if (code === 'forbidden' || code === 'E_FORBIDDEN') {
    return `${sentence}. Tell the user; this cannot be done with the access you were given.`
  }
  // What the model wrote, it can write better; everything else is for the user to do.
  if (code === 'invalid' && typeof fix === 'string') return `${sentence} (${fix}).`
  return typeof fix === 'string' ? `${sentence}. What the user can do: ${fix}.` : `${sentence}.`
}

/** In the words of the daemon or of the command line. */
export function isNotFound(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 'not_found' || code === 'E_NOT_FOUND'
}

/** What of a memory a model can use; the REST interface has more. */
export const memory = z.object({
  id: z.string(),
  content: z.string(),
  category: z.string(),
  status: z
    .string()
    .describe('approved: in force. pending: waits for the user. superseded: was true once'),
  pinned: z.boolean(),
  confidence: z.number(),
  source: z.string().describe('manual, extraction, import, …'),
  source_conversation_id: z.string().describe('where it was learned').nullable(),
  created_at: z.string(),
  last_confirmed: z.string().describe('when it was last said again').nullable(),
})

export const toMemory = (full: z.output<typeof schema.memoryAnswer>): z.output<typeof memory> =>
  memory.parse(full)

/** An id as it was given out; what it is of is said by `what`. */
export const idOf = (what: string, prefix: string) =>
  z
    .string()
    .trim()
    .regex(/^[\w-]{1,80}$/, `must be the id of a ${what}, such as ${prefix}_…, whole`)

export const memoryId = idOf('memory', 'mem').describe(
  'The whole id of a memory, as search_memories or list_memories gave it',
)
export const content = z.string().trim().min(1).max(schema.LIMITS.content)
export const category = z
  .string()
  .trim()
  .min(1)
  .max(schema.LIMITS.category)
  .describe(
    'preferences, projects, skills, corrections, profile, general, or one of the user’s own',
  )
export const offset = z
  .number()
  .int()
  .min(0)
  .max(10_000_000)
  .default(0)
  .describe('Skip so many, for the next page')

export function rounded(score: number): number {
  return Math.round(score * 1000) / 1000
}
