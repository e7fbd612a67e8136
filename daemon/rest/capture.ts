import type { z } from 'zod'
import { exchangeTurns, traceOf } from '../exchange.ts'
import { route } from '../route.ts'
import { userOf } from './caller.ts'
import { scopeOf } from './memories.ts'
import * as schema from './schema.ts'
import { json, toMemoryJson } from './shapes.ts'

export const captureRoutes = [
  route({
    method: 'POST',
    path: '/memories/capture',
    access: 'write',
    tag: 'memories',
    summary:
      'Stores an exchange at once and learns from it: 201 with what was learned, or 202 with the job when it takes longer than `wait` seconds',
    query: schema.captureQuery,
    body: schema.capture,
    maxBodyBytes: schema.LIMITS.captureMessages * schema.LIMITS.captureText,
    answers: {
      201: { description: 'what was learned', schema: schema.captureAnswer },
      202: { description: 'stored; learning goes on', schema: schema.captureQueued },
    },
    async handle({ body, query, caller, services }) {
      const user = userOf(caller)
      const scope = scopeOf(user, body.namespace)
      const turns = exchangeTurns(messagesOf(body), services.now())
      const sessionId = body.session_id ?? null
      const { conversationId, turnIds, jobId } = await services.store.conversations.recordLocated(
        traceOf(turns, { source: body.source, conversationId: null, sessionId }),
        { scope, turns, receipt: null, usedMemoryIds: [], extraction: { injected: [] } },
      )
      services.jobs.wake('embed')
      services.jobs.wake('extract')
      const done = jobId === null || (await services.jobs.finished(jobId, query.wait * 1000))
      if (!done)
        return json({ conversation_id: conversationId, job_id: jobId, state: 'queued' }, 202)
      const learned = await services.store.memories.ofTurns(user.id, turnIds)
      return json(
        {
          conversation_id: conversationId,
          job_id: jobId,
          memories_extracted: learned.length,
          extracted_memories: learned.map(toMemoryJson),
          source: body.source,
          session_id: sessionId,
        },
        201,
      )
    },
  }),
]

function messagesOf(body: z.output<typeof schema.capture>) {
  if (body.messages) {
    return body.messages.map(({ role, content, name, created_at: saidAt }) => ({
      role,
      content,
      speaker: name ?? null,
      saidAt: saidAt ?? null,
    }))
  }
  const said = (role: 'user' | 'assistant', content: string) => [
    { role, content, speaker: null, saidAt: null },
  ]
  return [
    ...said('user', body.user_message!),
    ...(body.assistant_response ? said('assistant', body.assistant_response) : []),
  ]
}
