import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernHttp,
} from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport as LegacySse } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport as LegacyHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { openTestDaemon, type TestDaemon } from '../mcp/fixtures/daemon.ts'
import { consent } from './fixtures.ts'

setDefaultTimeout(30_000)

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await openTestDaemon({ ENGRAM_LEGACY_SSE: '1' })
})
afterAll(() => daemon.close())

type Stored = Record<string, unknown>
type Transport = Readonly<{
  finishAuth(codeOrParams: string & URLSearchParams): Promise<void>
}>

/** What an app keeps between its runs, and the browser that it opens. */
function newProvider(scope?: string) {
  const kept: {
    info?: Stored
    tokens?: Stored
    verifier?: string
    discovered?: unknown
    opened: URL[]
  } = { opened: [] }
  return {
    kept,
    redirectUrl: 'http://localhost:40124/callback',
    clientMetadata: {
      client_name: 'SDK',
      redirect_uris: ['http://localhost:40124/callback'],
      ...(scope ? { scope } : {}),
    },
    state: () => 'state of the app',
    clientInformation: () => kept.info,
    saveClientInformation: (info: Stored) => {
      kept.info = info
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens: Stored) => {
      kept.tokens = tokens
    },
    redirectToAuthorization: (url: URL) => {
      kept.opened.push(url)
    },
    saveCodeVerifier: (verifier: string) => {
      kept.verifier = verifier
    },
    codeVerifier: () => kept.verifier!,
    saveDiscoveryState: (state: unknown) => {
      kept.discovered = state
    },
    discoveryState: () => kept.discovered,
    invalidateCredentials: (what: string) => {
      if (what === 'all' || what === 'tokens') delete kept.tokens
      if (what === 'all' || what === 'client') delete kept.info
      if (what === 'all' || what === 'discovery') delete kept.discovered
    },
  }
}
type Provider = ReturnType<typeof newProvider>

type Connected = Readonly<{
  call(name: string, args?: object): Promise<{ isError?: boolean }>
  close(): Promise<void>
}>

const GENERATIONS = [
  {
    name: 'SDK 1.x over /mcp',
    transport: (authProvider: Provider): Transport =>
      new LegacyHttp(new URL(`${daemon.url}/mcp`), { authProvider: authProvider as never }),
    connect: (transport: Transport) => connect(newLegacyClient(), transport),
  },
  {
    name: 'SDK 1.x over /sse',
    transport: (authProvider: Provider): Transport =>
      new LegacySse(new URL(`${daemon.url}/sse`), { authProvider: authProvider as never }),
    connect: (transport: Transport) => connect(newLegacyClient(), transport),
  },
  {
    name: 'SDK 2.x over /mcp, 2026-07-28',
    transport: (authProvider: Provider): Transport =>
      new ModernHttp(new URL(`${daemon.url}/mcp`), { authProvider: authProvider as never }),
    connect: (transport: Transport) => connect(newModernClient('2026-07-28'), transport),
  },
  {
    name: 'SDK 2.x over /mcp, 2025-11-25',
    transport: (authProvider: Provider): Transport =>
      new ModernHttp(new URL(`${daemon.url}/mcp`), { authProvider: authProvider as never }),
    connect: (transport: Transport) => connect(newModernClient('legacy'), transport),
  },
] as const

const newLegacyClient = () => new LegacyClient({ name: 'old', version: '1' })
const newModernClient = (mode: string) =>
  new ModernClient(
    { name: 'new', version: '1' },
    { versionNegotiation: { mode: mode === 'legacy' ? mode : { pin: mode } } },
  )

async function connect(
  client: LegacyClient | ModernClient,
  transport: Transport,
): Promise<Connected> {
  await client.connect(transport as never)
  return {
    call: (name, args = {}) =>
      (client as ModernClient).callTool({ name, arguments: { ...args } }) as Promise<{
        isError?: boolean
      }>,
    close: () => client.close(),
  }
}

describe.each(GENERATIONS)('$name', ({ name, transport, connect }) => {
  /** Asks the user, who decides in the browser. */
  async function letIn(provider: Provider, choice = {}): Promise<Connected> {
    const refused = transport(provider)
    await expect(connect(refused)).rejects.toThrow(/unauthorized/i)
    const back = await consent(daemon, provider.kept.opened.at(-1)!, choice)
    expect(back.searchParams.get('state')).toBe('state of the app')
    await (name.startsWith('SDK 2')
      ? // The newer generation checks who answers (RFC 9207).
        refused.finishAuth(back.searchParams as never)
      : refused.finishAuth(back.searchParams.get('code') as never))
    return connect(transport(provider))
  }

  test('finds out how to be let in, asks, and is let in', async () => {
    const provider = newProvider()
    const client = await letIn(provider)
    expect((await client.call('add_memory', { content: `Uses ${name}` })).isError ?? false).toBe(
      false,
    )
    expect(provider.kept.info).toMatchObject({ token_endpoint_auth_method: 'none' })
    const url = provider.kept.opened[0]!
    expect(url.searchParams.get('resource')).toStartWith(daemon.url)
    expect(url.searchParams.get('code_challenge_method')).toBe('S256')
    await client.close()
  })

  test('gets a new access token by itself when the old one is over', async () => {
    const provider = newProvider()
    await (await letIn(provider)).close()
    const opened = provider.kept.opened.length
    const before = provider.kept.tokens!
    provider.kept.tokens = { ...before, access_token: 'ek_at_over' }
    const client = await connect(transport(provider))
    expect((await client.call('list_memories')).isError ?? false).toBe(false)
    expect(provider.kept.opened).toHaveLength(opened)
    expect(provider.kept.tokens!.refresh_token).not.toBe(before.refresh_token)
    await client.close()
  })

  test('asks again after it was shut out', async () => {
    const provider = newProvider()
    await (await letIn(provider)).close()
    const [newest] = await daemon.rest<{ id: string }[]>('GET', '/users/me/apps')
    await daemon.rest('DELETE', `/users/me/apps/${newest!.id}`)
    await expect(connect(transport(provider))).rejects.toThrow(/unauthorized/i)
    const client = await letIn(provider)
    expect((await client.call('list_memories')).isError ?? false).toBe(false)
    await client.close()
  })

  test('registers again when it was forgotten here', async () => {
    const provider = newProvider()
    const issuer = daemon.url
    const redirect_uris = [provider.redirectUrl]
    provider.kept.info = { client_id: 'app_of_long_ago', redirect_uris, issuer }
    provider.kept.tokens = {
      access_token: 'ek_at_old',
      refresh_token: 'ek_rt_old',
      token_type: 'Bearer',
      issuer,
    }
    await expect(connect(transport(provider))).rejects.toThrow()
    const client = await letIn(provider)
    expect(provider.kept.info!.client_id).toMatch(/^app_/)
    await client.close()
  })

  test('cannot write when it may only read', async () => {
    const provider = newProvider('read')
    const client = await letIn(provider, { allow: 'read' })
    expect((await client.call('list_memories')).isError ?? false).toBe(false)
    const tried = await client.call('add_memory', { content: 'x' }).catch((error) => error)
    expect(tried instanceof Error || tried.isError).toBe(true)
    const { memories } = await daemon.rest<{ memories: { content: string }[] }>('GET', '/memories')
    expect(memories.map(({ content }) => content)).not.toContain('x')
    await client.close()
  })
})
