/**
 * A provider that costs as little as one can, in a process of its own: the same answer of a kilobyte to every
 * chat, whole or in frames. Listens on two ports, so that one can be measured against the other, and prints
 * them as JSON. Ends when its input does.
 */
const TEXT = 'All happy families are alike. '.repeat(34)
const head = { id: 'chatcmpl-mock', created: 0, model: 'mock' }

const WHOLE = JSON.stringify({
  ...head,
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 400, completion_tokens: 240, total_tokens: 640 },
})

const FRAMES = [
  ...(TEXT.match(/.{1,128}/g) ?? []).map((content) => chunk({ content }, null)),
  chunk({}, 'stop'),
  'data: [DONE]\n\n',
].map((frame) => new TextEncoder().encode(frame))
const FRAME_MS = 2

function chunk(delta: object, finish_reason: string | null): string {
  const choices = [{ index: 0, delta, finish_reason }]
  return `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices })}\n\n`
}

async function* frames() {
  for (const [i, frame] of FRAMES.entries()) {
    if (i > 0) await Bun.sleep(FRAME_MS)
    yield frame
  }
}

async function answer(request: Request): Promise<Response> {
  const body = await request.text()
  return body.includes('"stream":true')
    ? new Response(frames(), { headers: { 'content-type': 'text/event-stream' } })
    : new Response(WHOLE, { headers: { 'content-type': 'application/json' } })
}

const servers = [0, 0].map((port) =>
  Bun.serve({ hostname: '127.0.0.1', port, idleTimeout: 0, fetch: answer }),
)
console.log(JSON.stringify(servers.map(({ url }) => url.origin)))
for await (const _ of Bun.stdin.stream());
process.exit(0)

export {}
