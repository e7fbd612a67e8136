import { EngramError } from '../../memory/errors.ts'
import { route } from '../route.ts'
import { userOf } from './caller.ts'
import * as schema from './schema.ts'
import {
  json,
  noContent,
  toConversationJson,
  toEventJson,
  toJobJson,
  toLogJson,
  toTurnJson,
} from './shapes.ts'

/** What Engram did and why: receipts, journal, conversations, jobs. */
export const inspectionRoutes = [
  route({
    method: 'GET',
    path: '/logs',
    access: 'read',
    tag: 'logs',
    summary: 'Receipts of recall, newest first',
    query: schema.logQuery,
    answers: { 200: { description: 'a page of receipts', schema: schema.logPage } },
    async handle({ query, caller, services }) {
      const { limit, offset } = query
      const { receipts, total } = await services.store.receipts.list(userOf(caller).id, {
        namespace: query.namespace ?? null,
        conversationId: query.conversation_id ?? null,
        kind: query.kind ?? null,
        limit,
        offset,
      })
      return json({ logs: receipts.map(toLogJson), total, limit, offset })
    },
  }),
  route({
    method: 'GET',
    path: '/logs/:id',
    access: 'read',
    tag: 'logs',
    summary: 'One receipt, and what its exchange taught',
    answers: { 200: { description: 'the receipt', schema: schema.logWithLearned } },
    async handle({ params, caller, services }) {
      const user = userOf(caller)
      const receipt = await services.store.receipts.find(user.id, params.id!)
      if (!receipt) throw new EngramError('not_found', `no receipt ${params.id}`)
      const learned = await services.store.journal.ofReceipt(user.id, receipt.id)
      return json({ ...toLogJson(receipt), learned: learned.map(toEventJson) })
    },
  }),
  route({
    method: 'GET',
    path: '/events',
    access: 'read',
    tag: 'logs',
    summary: 'The journal: every change of a memory, newest first',
    query: schema.pageQuery,
    answers: { 200: { description: 'a page of events', schema: schema.eventList } },
    async handle({ query: { limit, offset, namespace }, caller, services }) {
      const events = await services.store.journal.list(userOf(caller).id, {
        namespace: namespace ?? null,
        limit,
        offset,
      })
      return json({ events: events.map(toEventJson) })
    },
  }),
  route({
    method: 'GET',
    path: '/conversations',
    access: 'read',
    tag: 'conversations',
    summary: 'Conversations, the one that went on last first',
    query: schema.pageQuery,
    answers: { 200: { description: 'a page of conversations', schema: schema.conversationPage } },
    async handle({ query, caller, services }) {
      const { limit, offset } = query
      const { conversations, total } = await services.store.conversations.list(userOf(caller).id, {
        namespace: query.namespace ?? null,
        limit,
        offset,
      })
      return json({ conversations: conversations.map(toConversationJson), total, limit, offset })
    },
  }),
  route({
    method: 'GET',
    path: '/conversations/:id',
    access: 'read',
    tag: 'conversations',
    summary: 'A conversation, word for word',
    answers: {
      200: { description: 'the conversation and its turns', schema: schema.conversationWithTurns },
    },
    async handle({ params, caller, services }) {
      const found = await services.store.conversations.find(userOf(caller).id, params.id!)
      if (!found) throw new EngramError('not_found', `no conversation ${params.id}`)
      return json({
        ...toConversationJson(found.conversation),
        turns: found.turns.map(toTurnJson),
      })
    },
  }),
  route({
    method: 'DELETE',
    path: '/conversations/:id',
    access: 'write',
    tag: 'conversations',
    summary: 'Deletes a conversation for good; memories learned from it stay',
    answers: { 204: { description: 'deleted' } },
    async handle({ params, caller, services }) {
      const removed = await services.store.conversations.remove(userOf(caller).id, params.id!)
      if (!removed) throw new EngramError('not_found', `no conversation ${params.id}`)
      return noContent()
    },
  }),
  route({
    method: 'GET',
    path: '/jobs',
    access: 'read',
    tag: 'jobs',
    summary: 'Work after answers, newest first; embedding is not listed',
    query: schema.jobQuery,
    answers: { 200: { description: 'a page of jobs', schema: schema.jobList } },
    async handle({ query, caller, services }) {
      const jobs = await services.store.jobs.list(userOf(caller).id, {
        state: query.state ?? null,
        limit: query.limit,
        offset: query.offset,
      })
      return json({ jobs: jobs.map(toJobJson) })
    },
  }),
  route({
    method: 'GET',
    path: '/jobs/:id',
    access: 'read',
    tag: 'jobs',
    summary: 'One job and its result',
    answers: { 200: { description: 'the job', schema: schema.jobAnswer } },
    async handle({ params, caller, services }) {
      const job = await services.store.jobs.find(userOf(caller).id, params.id!)
      if (!job) throw new EngramError('not_found', `no job ${params.id}`)
      return json(toJobJson(job))
    },
  }),
  route({
    method: 'POST',
    path: '/jobs/:id/retry',
    access: 'write',
    tag: 'jobs',
    summary: 'Runs a job again that had been given up',
    answers: { 202: { description: 'queued again', schema: schema.jobAnswer } },
    async handle({ params, caller, services }) {
      const user = userOf(caller)
      if (!(await services.store.jobs.retry(user.id, params.id!))) {
        throw new EngramError('not_found', `no job ${params.id} that was given up`)
      }
      services.jobs.wake('extract')
      return json(toJobJson((await services.store.jobs.find(user.id, params.id!))!), 202)
    },
  }),
]
