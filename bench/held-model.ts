/** A provider for chats and for extraction, which can keep the extractor's answer back. */
export type HeldModel = Readonly<{
  /** Environment of a daemon that chats with it and lets it extract. */
  env: Readonly<Record<string, string>>
  /** Requests for extraction that came in so far. */
  asked(): number
  /** From now on extractions are answered; those that wait are, too. */
  release(): void
  stop(): Promise<void>
}>

const EXTRACTOR = 'extractor'

/** @param memory what every extraction finds */
export function startHeldModel(memory: string): HeldModel {
  const released = Promise.withResolvers<void>()
  let asked = 0
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { model } = (await request.json()) as { model: string }
      if (model !== EXTRACTOR) return Response.json(completion(model, 'Noted.'))
      asked++
      await released.promise
      const found = {
        content: memory,
        category: 'profile',
        confidence: 0.9,
        turn: 0,
        said_by: 'user',
      }
      return Response.json(completion(model, JSON.stringify({ memories: [found] })))
    },
  })
  return {
    env: {
      ENGRAM_OPENAI_BASE_URL: server.url.origin,
      ENGRAM_OPENAI_API_KEY: 'a-key-of-the-mock',
      ENGRAM_EXTRACTION_PROVIDER: 'openai',
      ENGRAM_EXTRACTION_MODEL: EXTRACTOR,
    },
    asked: () => asked,
    release: () => released.resolve(),
    stop: () => server.stop(true),
  }
}

function completion(model: string, content: string) {
  return {
    id: 'chatcmpl-held',
    object: 'chat.completion',
    created: 0,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  }
}
