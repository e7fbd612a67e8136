import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import type { NewCode, NewTokens } from '../apps.ts'
import type { KeyScope } from '../users.ts'
import { DAY, MINUTE, type Open, START, useStore } from './fixture.ts'

const hash = (text: string) => createHash('sha256').update(text).digest()

/** Tokens whose hashes are those of these names. */
const tokens = (name: string, at = START): NewTokens => ({
  access: hash(`${name} access`),
  accessExpiresAt: at + 60 * MINUTE,
  refresh: hash(`${name} refresh`),
  refreshExpiresAt: at + 90 * DAY,
})

const TABLES = ['app_grants', 'app_tokens', 'app_codes', 'app_approvals']

export function testApps(dialect: string, open: Open) {
  describe(`${dialect}: apps`, () => {
    const bench = useStore(open)

    const register = (name = 'Editor', redirectUris = ['http://127.0.0.1/callback']) =>
      bench.store.apps.register({ name, redirectUris }, 100)

    const code = (appId: string, userId: string, more: Partial<NewCode> = {}): NewCode => ({
      hash: hash('code'),
      appId,
      userId,
      scope: 'write',
      redirectUri: 'http://127.0.0.1/callback',
      challenge: 'challenge',
      resource: 'http://127.0.0.1/mcp',
      expiresAt: bench.clock.at + MINUTE,
      ...more,
    })

    const proof = (appId: string) => ({
      appId,
      challenge: 'challenge',
      redirectUri: 'http://127.0.0.1/callback',
      resource: 'http://127.0.0.1/mcp',
    })

    /** A user who has let an app in. */
    async function letIn(externalId = 'ann', name = externalId, scope: KeyScope = 'write') {
      const { userId } = await bench.scope(externalId)
      const app = await register()
      await bench.store.apps.addCode(code(app.id, userId, { hash: hash(name), scope }))
      const grant = await bench.store.apps.redeem(
        hash(name),
        proof(app.id),
        tokens(name, bench.clock.at),
      )
      return { userId, app, grant: grant! }
    }

    test('an app is found as it was registered', async () => {
      const app = await register('Editor', ['http://127.0.0.1/a', 'https://editor.example/b?c=1'])
      expect(app).toEqual({
        id: expect.stringMatching(/^app_/),
        name: 'Editor',
        redirectUris: ['http://127.0.0.1/a', 'https://editor.example/b?c=1'],
        createdAt: START,
        lastUsedAt: null,
      })
      expect(await bench.store.apps.find(app.id)).toEqual(app)
      expect(await bench.store.apps.find('app_unknown')).toBeNull()
    })

    test('of apps that nobody has let in the oldest make room; the others stay', async () => {
      const { app: used } = await letIn()
      const names: string[] = []
      for (let i = 0; i < 6; i++) {
        bench.clock.at += 1
        const app = await bench.store.apps.register({ name: `${i}`, redirectUris: [] }, 3)
        names.push(app.id)
      }
      const kept = await Promise.all(names.map((id) => bench.store.apps.find(id)))
      expect(kept.map((app) => app?.name ?? null)).toEqual([null, null, null, '3', '4', '5'])
      expect(await bench.store.apps.find(used.id)).not.toBeNull()
    })

    test('an approval is taken once and in time, and the next one replaces it', async () => {
      const { userId } = await bench.scope()
      const { apps } = bench.store
      const add = (name: string) =>
        apps.addApproval({ hash: hash(name), userId, scope: 'read', expiresAt: START + MINUTE })
      await add('first')
      await add('second')
      expect(await apps.takeApproval(hash('first'))).toBeNull()
      expect(await apps.takeApproval(hash('second'))).toEqual({ userId, scope: 'read' })
      expect(await apps.takeApproval(hash('second'))).toBeNull()
      await add('third')
      bench.clock.at = START + MINUTE
      expect(await apps.takeApproval(hash('third'))).toBeNull()
    })

    test('a code becomes a grant whose access token says whose it is', async () => {
      const { userId, app, grant } = await letIn('ann', 'ann', 'read')
      expect(grant).toEqual({
        id: expect.stringMatching(/^grt_/),
        appId: app.id,
        appName: 'Editor',
        userId,
        scope: 'read',
        resource: 'http://127.0.0.1/mcp',
        createdAt: START,
        lastUsedAt: START,
      })
      const found = await bench.store.apps.findToken(hash('ann access'))
      expect(found).toEqual({
        grant,
        user: (await bench.store.users.find(userId))!,
      })
      expect(await bench.store.apps.findToken(hash('ann refresh'))).toBeNull()
      expect(await bench.store.apps.findToken(new Uint8Array(0))).toBeNull()
      bench.clock.at = START + 60 * MINUTE
      expect(await bench.store.apps.findToken(hash('ann access'))).toBeNull()
    })

    test.each([
      ['another challenge', { challenge: 'other' }],
      ['another redirect address', { redirectUri: 'http://127.0.0.1/other' }],
      ['another resource', { resource: 'http://127.0.0.1/sse' }],
    ])('a code is used up by %s', async (_, wrong) => {
      const { userId } = await bench.scope()
      const app = await register()
      const { apps } = bench.store
      await apps.addCode(code(app.id, userId))
      expect(
        await apps.redeem(hash('code'), { ...proof(app.id), ...wrong }, tokens('a')),
      ).toBeNull()
      expect(await apps.redeem(hash('code'), proof(app.id), tokens('a'))).toBeNull()
      expect(await bench.count('app_grants')).toBe(0)
    })

    test('a code may come without redirect address and resource', async () => {
      const { userId } = await bench.scope()
      const app = await register()
      await bench.store.apps.addCode(code(app.id, userId))
      const bare = { ...proof(app.id), redirectUri: null, resource: null }
      expect(await bench.store.apps.redeem(hash('code'), bare, tokens('a'))).not.toBeNull()
    })

    test('a code is refused late, from another app, and unknown', async () => {
      const { userId } = await bench.scope()
      const { apps } = bench.store
      const [app, other] = [await register(), await register('Other')]
      await apps.addCode(code(app.id, userId))
      expect(await apps.redeem(hash('nothing'), proof(app.id), tokens('a'))).toBeNull()
      expect(await apps.redeem(hash('code'), proof(other.id), tokens('a'))).toBeNull()
      bench.clock.at += MINUTE
      expect(await apps.redeem(hash('code'), proof(app.id), tokens('a'))).toBeNull()
    })

    test('a code that is used twice takes back what it gave', async () => {
      const { app } = await letIn()
      expect(await bench.store.apps.findToken(hash('ann access'))).not.toBeNull()
      expect(await bench.store.apps.redeem(hash('ann'), proof(app.id), tokens('b'))).toBeNull()
      expect(await bench.store.apps.findToken(hash('ann access'))).toBeNull()
      expect(await bench.count('app_tokens')).toBe(0)
    })

    test('of many redemptions of one code at once at most one gives tokens', async () => {
      const { userId } = await bench.scope()
      const app = await register()
      await bench.store.apps.addCode(code(app.id, userId))
      const grants = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          bench.store.apps.redeem(hash('code'), proof(app.id), tokens(`t${i}`)),
        ),
      )
      expect(grants.filter((grant) => grant !== null)).toHaveLength(1)
      expect(await bench.count('app_grants')).toBe(0)
    })

    test('a refresh token gives a successor; a retry does too; a late second use ends it all', async () => {
      const { app, grant } = await letIn()
      const { apps } = bench.store
      const refresh = (from: string, to: string, appId = app.id, resource: string | null = null) =>
        apps.refresh(hash(`${from} refresh`), { appId, resource }, tokens(to, bench.clock.at))
      const other = await register('Other')
      expect(await refresh('ann', 'x', other.id)).toBeNull()
      expect(await refresh('ann', 'x', app.id, 'http://127.0.0.1/sse')).toBeNull()
      expect(await refresh('nobody', 'x')).toBeNull()
      expect(
        await apps.refresh(hash('ann access'), { appId: app.id, resource: null }, tokens('x')),
      ).toBeNull()

      expect(await refresh('ann', 'second', app.id, grant.resource)).toEqual(grant)
      bench.clock.at += MINUTE - 1
      expect(await refresh('ann', 'retry')).toEqual(grant)
      for (const name of ['ann', 'second', 'retry']) {
        expect(await apps.findToken(hash(`${name} access`))).toMatchObject({ grant })
      }
      bench.clock.at += 1
      expect(await refresh('ann', 'late')).toBeNull()
      for (const name of ['ann', 'second', 'retry', 'late']) {
        expect(await apps.findToken(hash(`${name} access`))).toBeNull()
      }
      expect(await refresh('second', 'y')).toBeNull()
    })

    test('a grant has a bounded number of tokens, the newest', async () => {
      const { app } = await letIn()
      const { apps } = bench.store
      for (let i = 0; i < 40; i++) {
        bench.clock.at += 1
        const again = { appId: app.id, resource: null }
        const from = i === 0 ? 'ann' : `${i - 1}`
        expect(
          await apps.refresh(hash(`${from} refresh`), again, tokens(`${i}`, bench.clock.at)),
        ).not.toBeNull()
      }
      expect(await bench.count('app_tokens')).toBe(64)
      expect(await apps.findToken(hash('39 access'))).not.toBeNull()
      expect(await apps.findToken(hash('ann access'))).toBeNull()
    })

    test('a refresh token ends', async () => {
      const { app } = await letIn()
      bench.clock.at += 90 * DAY
      expect(
        await bench.store.apps.refresh(
          hash('ann refresh'),
          { appId: app.id, resource: null },
          tokens('b'),
        ),
      ).toBeNull()
    })

    test('a revoked grant takes its tokens along; others’ grants cannot be revoked', async () => {
      const [ann, ben] = [await letIn('ann'), await letIn('ben')]
      const { apps } = bench.store
      expect(await apps.revokeGrant(ben.userId, ann.grant.id)).toBe(false)
      expect(await apps.findToken(hash('ann access'))).not.toBeNull()
      expect(await apps.revokeGrant(ann.userId, ann.grant.id)).toBe(true)
      expect(await apps.findToken(hash('ann access'))).toBeNull()
      expect(await apps.listGrants(ann.userId)).toEqual([])
      expect(await apps.listGrants(ben.userId)).toEqual([ben.grant])
    })

    test('a token of either kind ends its grant, at the word of its own app only', async () => {
      const [ann, ben] = [await letIn('ann'), await letIn('ben')]
      const { apps } = bench.store
      expect(await apps.revokeToken(hash('ann access'), ben.app.id)).toBe(false)
      expect(await apps.revokeToken(hash('ann access'), ann.app.id)).toBe(true)
      expect(await apps.revokeToken(hash('ben refresh'), ben.app.id)).toBe(true)
      expect(await apps.revokeToken(hash('ben refresh'), ben.app.id)).toBe(false)
      expect(await bench.count('app_tokens')).toBe(0)
    })

    test('the last use of grants is noted', async () => {
      const { userId, grant } = await letIn()
      await bench.store.apps.touchGrants({ [grant.id]: START + 7, grt_unknown: START })
      expect(await bench.store.apps.listGrants(userId)).toEqual([
        { ...grant, lastUsedAt: START + 7 },
      ])
    })

    test('a user keeps the hundred grants used last', async () => {
      const { userId } = await bench.scope()
      const app = await register()
      for (let i = 0; i < 102; i++) {
        bench.clock.at += 1
        await bench.store.apps.addCode(code(app.id, userId, { hash: hash(`${i}`) }))
        await bench.store.apps.redeem(hash(`${i}`), proof(app.id), tokens(`${i}`))
      }
      const grants = await bench.store.apps.listGrants(userId)
      expect(grants).toHaveLength(100)
      expect(grants.at(-1)!.createdAt).toBe(START + 3)
    })

    test('sweeping forgets what is over and nothing else', async () => {
      const { userId, app, grant } = await letIn()
      const waiting = await register('Waiting')
      const { apps } = bench.store
      await apps.addApproval({
        hash: hash('approval'),
        userId,
        scope: 'read',
        expiresAt: START + MINUTE,
      })
      const sweep = () => apps.sweep(bench.clock.at - 90 * DAY, bench.clock.at - DAY)
      await sweep()
      expect(await apps.find(waiting.id)).not.toBeNull()
      expect(await bench.count('app_approvals')).toBe(1)

      bench.clock.at += DAY
      await sweep()
      expect(await apps.find(waiting.id)).toBeNull()
      expect(await apps.find(app.id)).not.toBeNull()
      expect(await apps.listGrants(userId)).toEqual([grant])
      // Its access token is over, its refresh token is not.
      expect(await bench.count('app_tokens')).toBe(1)
      expect(await bench.count('app_codes')).toBe(0)
      expect(await bench.count('app_approvals')).toBe(0)

      bench.clock.at = START + 90 * DAY
      await sweep()
      expect(await apps.listGrants(userId)).toEqual([])
      expect(await apps.find(app.id)).toBeNull()
    })

    test('what a user allowed goes with the user', async () => {
      const [ann, ben] = [await letIn('ann'), await letIn('ben')]
      const { apps } = bench.store
      for (const { userId, app } of [ann, ben]) {
        await apps.addApproval({
          hash: hash(userId),
          userId,
          scope: 'read',
          expiresAt: START + MINUTE,
        })
        await apps.addCode(code(app.id, userId, { hash: hash(`open ${userId}`) }))
      }
      await bench.store.users.remove(ann.userId)
      const counts = await Promise.all(TABLES.map((table) => bench.count(table)))
      expect(counts).toEqual([1, 2, 2, 1])
      expect(await apps.listGrants(ben.userId)).toEqual([ben.grant])
    })
  })
}
