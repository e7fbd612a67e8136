import { type Method, type Route, route } from '../route.ts'

const TAG = 'mcp'

/** MCP over HTTP; what answers is loaded at the first request, not when the daemon starts. */
export const mcpRoutes: readonly Route[] = [
  ...(['POST', 'GET', 'DELETE'] satisfies Method[]).map((method) =>
    route({
      method,
      path: '/mcp',
      access: 'mcp',
      tag: TAG,
      summary:
        method === 'POST'
          ? 'The Model Context Protocol: stateless as of 2026-07-28, and older revisions'
          : 'Refused with 405: there is no stream to listen to and no session to end',
      ...(method === 'POST' ? { reads: [] } : {}),
      answers:
        method === 'POST'
          ? { 200: { description: 'a JSON-RPC answer, or a stream that ends with one' } }
          : { 405: { description: 'not offered' } },
      handle: async ({ request, caller, services }) =>
        (await services.mcp()).handle(request, caller),
    }),
  ),
  route({
    method: 'GET',
    path: '/sse',
    access: 'mcp',
    switch: 'server.legacy_sse',
    tag: TAG,
    summary: 'The protocol in its form of 2024-11-05: a stream of answers',
    answers: { 200: { description: 'the stream; its first event says where to post' } },
    handle: async ({ request, caller, services }) =>
      (await services.mcp()).sse.open(request, caller),
  }),
  route({
    method: 'POST',
    path: '/messages',
    access: 'mcp',
    switch: 'server.legacy_sse',
    tag: TAG,
    summary: 'A message for the stream of /sse that `sessionId` names',
    reads: [],
    answers: { 202: { description: 'the answer comes on the stream' } },
    handle: async ({ request, caller, services }) =>
      (await services.mcp()).sse.post(request, caller),
  }),
]
