import { z } from 'zod'
import { EngramError } from '../../memory/errors.ts'
import { ownError } from '../../providers/own-error.ts'
import { readVendorName } from '../../providers/vendors.ts'
import { type Route, route } from '../route.ts'
import type { Services } from '../services.ts'
import { identifyCaller } from './caller.ts'
import { answerTranslated } from './chat.ts'
import { answerDropIn } from './drop-in.ts'
import { refusal } from './refusal.ts'
import { readTarget, type Target, tokenIn } from './target.ts'

/** Every path under which a provider's client finds its API; what is no conversation passes as it is. */
export const proxyRoutes: Route[] = [
  proxied('/v1/chat', 'Chat in OpenAI’s form with the provider that X-Engram-Provider names'),
  proxied('/v1/chat/completions', 'OpenAI’s Chat Completions, with memory'),
  proxied('/v1/responses', 'OpenAI’s Responses, with memory'),
  proxied('/v1/messages', 'Anthropic’s Messages, with memory'),
  proxied('/api/chat', 'Ollama’s chat, with memory'),
  proxied('/api/generate', 'Ollama’s generate, with memory'),
  proxied('/v1beta/*', 'Gemini’s API; generateContent and streamGenerateContent with memory'),
  proxied('/v1/models', 'The provider’s models, as it lists them'),
  ...['/v1/*', '/v1alpha/*', '/upload/*', '/api/*'].map((path) =>
    proxied(path, 'Everything else of the providers’ APIs, as it is'),
  ),
  ...['/chat/completions', '/responses', '/embeddings', '/messages'].map((path) =>
    proxied(path, 'The same for clients whose base URL lacks the version'),
  ),
  ...['/openai/*', '/anthropic/*', '/gemini/*', '/ollama/*'].map((path) =>
    proxied(path, 'One provider’s API under its name'),
  ),
  proxied('/u/:token/*', 'Any of these with a key of scope proxy in the path'),
]

function proxied(path: string, summary: string): Route {
  return route({
    method: 'ALL',
    path,
    access: 'proxy',
    tag: 'proxy',
    summary,
    answers: { 200: { description: 'the provider’s answer', schema: z.looseObject({}) } },
    handle: ({ request, services }) => answerProxied(request, services),
  })
}

async function answerProxied(request: Request, services: Services): Promise<Response> {
  const { method, headers } = request
  const target = readTarget(request.url, method, headers)
  if (target === null) {
    // What lies below a key is told only to who has it.
    await identifyCaller(request, tokenIn(new URL(request.url).pathname), services)
    throw new EngramError('not_found', 'no provider has this path', { fix: 'GET /openapi.json' })
  }
  if (headers.get('upgrade')?.toLowerCase() === 'websocket') return refuseUpgrade(target)
  // Claude Code asks whether anybody is there before it says anything.
  if (target.path === '/api/hello' && target.vendor !== 'gemini') {
    return Response.json({ message: 'hello' })
  }
  try {
    return isTranslated(target, request)
      ? await answerTranslated(request, target.token, services)
      : await answerDropIn(request, target, services)
  } catch (error) {
    return refusal(error, target.form, services)
  }
}

/** Our own endpoint, and OpenAI's when another provider is to answer. */
function isTranslated({ isMounted, path }: Target, { method, headers }: Request): boolean {
  if (isMounted || method !== 'POST') return false
  if (path === '/v1/chat') return true
  if (path !== '/v1/chat/completions') return false
  const provider = headers.get('x-engram-provider')
  return provider !== null && readVendorName(provider) !== 'openai'
}

/** Clients that try a socket first go on with HTTP when they hear so at once. */
function refuseUpgrade({ form }: Target): Response {
  const body = ownError(form, 426, 'Engram speaks HTTP here, not WebSocket', 'engram_no_websocket')
  return Response.json(body, { status: 426 })
}
