import { describe, expect, test } from 'bun:test'
import { type Activity, arrivalOf, createActivityFeed } from './activity.ts'

const ACTIVITY: Activity = {
  userId: 'usr_1',
  namespace: 'default',
  at: 0,
  client: 'claude-cli',
  path: '/v1/messages',
  provider: 'anthropic',
  model: 'claude-opus-5-5',
  status: 200,
  tookMs: 12.5,
  injected: 2,
  memory: 'used',
  ending: 'complete',
  receiptId: 'rcp_1',
}

/** What a watcher of a user sees of some requests. */
function seenBy(userId: string, ...activities: readonly Activity[]): Activity[] {
  const seen: Activity[] = []
  const feed = createActivityFeed()
  feed.subscribe(userId, (activity) => seen.push(activity))
  for (const activity of activities) feed.publish(activity)
  return seen
}

describe('the activity feed', () => {
  test('shows each user their own requests only', () => {
    const other = { ...ACTIVITY, userId: 'usr_2' }
    expect(seenBy('usr_1', ACTIVITY, other)).toEqual([ACTIVITY])
  })

  test('ends for a watcher who leaves, and not for the others', () => {
    const feed = createActivityFeed()
    const seen: string[] = []
    const leave = feed.subscribe('usr_1', () => seen.push('first'))
    feed.subscribe('usr_1', () => seen.push('second'))
    feed.publish(ACTIVITY)
    leave()
    feed.publish(ACTIVITY)
    expect(seen).toEqual(['first', 'second', 'second'])
  })

  test.each([
    'sk-ant-api03-abcdefghijklmnop',
    'sk-proj-abcdefghijklmnop123',
    'ek_0123456789abcdefghijklmn',
    'AIzaSyA0123456789abcdefghijklmnopqrstuv',
    'ghp_0123456789abcdefghijABCDEFGHIJ',
    'xoxb-1234567890-abcdef',
    'AKIAIOSFODNN7EXAMPLE',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc',
    'hf_abcdefghijklmnopqrst',
    '4111111111111111',
  ])('hides %s in a name', (secret) => {
    const [seen] = seenBy('usr_1', {
      ...ACTIVITY,
      client: secret,
      model: `gpt ${secret}`,
      path: `/v1/files/${secret}`,
    })
    expect(JSON.stringify(seen)).not.toContain(secret)
  })

  test('cuts a long name', () => {
    const [seen] = seenBy('usr_1', { ...ACTIVITY, model: 'm'.repeat(5_000) })
    expect(seen!.model).toHaveLength(81)
  })
})

test.each([
  ['claude-cli/2.1.332 (external, sdk-cli)', 'claude-cli'],
  ['OpenAI/JS 7.57.0', 'OpenAI'],
  ['codex_exec/0.169.0 (Debian 12.0.0; x86_64)', 'codex_exec'],
  ['', 'unknown'],
])('the client behind "%s" is %s', (agent, name) => {
  expect(arrivalOf(new Headers({ 'user-agent': agent }), '/', 0).client).toBe(name)
})
