import { describe, expect, test } from 'bun:test'
import { checkGate, corsHeaders, type GateRules, preflight } from './gate.ts'

const RULES: GateRules = {
  port: 3647,
  allowedHosts: ['engram.example', 'box.lan:8443'],
  allowedOrigins: ['https://app.example'],
  tls: false,
  behindProxy: false,
}

function passes(headers: Record<string, string>, rules = RULES): boolean {
  try {
    checkGate(new Request('http://unused/', { headers }), rules)
    return true
  } catch (error) {
    expect((error as { code: string }).code).toBe('forbidden')
    return false
  }
}

describe('Host', () => {
  test.each([
    '127.0.0.1:3647',
    'localhost:3647',
    'LOCALHOST:3647',
    '[::1]:3647',
    'engram.example',
    'engram.example:443',
    'box.lan:8443',
  ])('%s is ours', (host) => expect(passes({ host })).toBe(true))

  test.each([
    '',
    'evil.example',
    'evil.example:3647',
    '127.0.0.1',
    '127.0.0.1:80',
    '127.0.0.1:36470',
    'localhost',
    'localhost.:3647',
    'localhost.evil.example:3647',
    '127.0.0.1.evil.example:3647',
    '127.0.0.1:3647, evil.example',
    '0.0.0.0:3647',
    '[::ffff:127.0.0.1]:3647',
    '2130706433:3647',
    '0x7f.1:3647',
    'evil.example@127.0.0.1:3647',
    '127.0.0.1:3647/#@evil.example',
    'box.lan',
    'engram.example.evil.example',
  ])('%p is not', (host) => expect(passes({ host })).toBe(false))

  test('the standard port may be left out', () => {
    expect(passes({ host: 'localhost' }, { ...RULES, port: 80 })).toBe(true)
    expect(passes({ host: 'localhost' }, { ...RULES, port: 443, tls: true })).toBe(true)
    expect(passes({ host: 'localhost' }, { ...RULES, port: 443 })).toBe(false)
  })
})

describe('Origin', () => {
  const host = '127.0.0.1:3647'

  test.each(['http://127.0.0.1:3647', 'https://app.example'])('%s may call', (origin) =>
    expect(passes({ host, origin })).toBe(true),
  )

  test.each([
    'null',
    'http://localhost:3647',
    'https://127.0.0.1:3647',
    'http://127.0.0.1:8080',
    'https://evil.example',
    'https://app.example.evil.example',
    'https://app.example:8443',
    'http://app.example',
    'file://',
  ])('%s may not', (origin) => expect(passes({ host, origin })).toBe(false))

  test('a browser that says another site sent the request is believed', () => {
    expect(passes({ host, 'sec-fetch-site': 'cross-site' })).toBe(false)
    expect(passes({ host, 'sec-fetch-site': 'same-site' })).toBe(false)
    expect(passes({ host, 'sec-fetch-site': 'same-origin' })).toBe(true)
    expect(passes({ host, 'sec-fetch-site': 'none' })).toBe(true)
  })

  test('a page that came through the TLS of a proxy in front is our own', () => {
    const own = { host: 'engram.example', origin: 'https://engram.example' }
    expect(passes(own, { ...RULES, behindProxy: true })).toBe(true)
    expect(passes(own)).toBe(false)
    const other = { host: 'engram.example', origin: 'https://box.lan:8443' }
    expect(passes(other, { ...RULES, behindProxy: true })).toBe(false)
  })

  test('an allowed foreign origin is named in the answer, and no other ever', () => {
    const from = (origin: string) => new Request('http://unused/', { headers: { host, origin } })
    expect(corsHeaders(from('https://app.example'), RULES)['access-control-allow-origin']).toBe(
      'https://app.example',
    )
    expect(corsHeaders(from('https://evil.example'), RULES)).toEqual({})
    expect(preflight(from('https://app.example'), RULES).status).toBe(204)
  })
})
