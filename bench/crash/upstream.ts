/** A provider that answers at once, or in a stream of a few frames with pauses to be killed in. */
export function startUpstream() {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { stream } = (await request.json()) as { stream?: boolean }
      if (!stream) return Response.json(WHOLE)
      return new Response(frames(), { headers: { 'content-type': 'text/event-stream' } })
    },
  })
  return { origin: server.url.origin, stop: () => server.stop(true) }
}

const WORDS = ['Very', ' well', ', I', ' have', ' heard', ' it', '.']

const WHOLE = {
  id: 'chatcmpl-crash',
  object: 'chat.completion',
  created: 0,
  model: 'mock',
  choices: [
    { index: 0, message: { role: 'assistant', content: WORDS.join('') }, finish_reason: 'stop' },
  ],
}

async function* frames() {
  const chunk = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({
      id: 'chatcmpl-crash',
      object: 'chat.completion.chunk',
      created: 0,
      model: 'mock',
      choices: [{ index: 0, delta, finish_reason }],
    })}\n\n`
  for (const content of WORDS) {
    yield chunk({ role: 'assistant', content }, null)
    await Bun.sleep(2)
  }
  yield chunk({}, 'stop')
  yield 'data: [DONE]\n\n'
}
