import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jsonOf, openHome } from './fixtures/harness.ts'

setDefaultTimeout(60_000)

/** One daemon for all of these: each test uses memories, or a namespace, of its own. */
const home = openHome()
const { engram } = home

type Memory = {
  id: string
  content: string
  category: string
  pinned: boolean
  status: string
  namespace: string
  created?: boolean
}
const add = async (text: string, ...flags: string[]) =>
  jsonOf<Memory>(await engram(['add', text, '--json', ...flags]))

beforeAll(async () => {
  await engram(['add', 'The first one'])
})
afterAll(() => home.close())

describe('memories', () => {
  test('are added from words, standard input and files', async () => {
    const added = await engram(['add', 'I', 'prefer', 'tabs'])
    expect(added.code).toBe(0)
    expect(added.out).toMatch(/^mem_[0-9a-z]{8} {2}I prefer tabs\n$/)
    expect(added.err).toContain('Remembered')
    const again = await engram(['add', 'I prefer tabs'])
    expect(again.err).toContain('Known already')

    const piped = await engram(
      ['add', '-', '--json', '--category', 'Projects', '--pin', '--expires', '30d'],
      {
        stdin: 'Atlas deploys with Kamal\n',
      },
    )
    expect(jsonOf<Memory>(piped)).toMatchObject({
      content: 'Atlas deploys with Kamal',
      category: 'projects',
      pinned: true,
      created: true,
    })
    const latin1 = Buffer.from('caf\xe9', 'latin1')
    const refused = await engram(['add', '-'], { stdin: latin1 })
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toContain('error E_INVALID: standard input is not UTF-8 text')
    const file = join(home.path, 'note.txt')
    writeFileSync(file, latin1)
    expect((await engram(['add', '--file', file])).err).toContain(`${file} is not UTF-8 text`)
    writeFileSync(file, 'From a file 茶\n')
    expect(await add('', '--file', file).catch(String)).toContain('not both')
    expect(jsonOf<Memory>(await engram(['add', '--file', file, '--json'])).content).toBe(
      'From a file 茶',
    )
    expect((await engram(['add', '-'], { stdin: '  \n' })).code).toBe(2)
    const tooLong = await engram(['add', '-'], { stdin: 'x'.repeat(4001) })
    expect(tooLong.code).toBe(2)
    expect(tooLong.err).toContain(
      'error E_INVALID: content must be at most 4000 characters, got 4001',
    )
  })

  test('are found by a paraphrase, as the checks of others rely on it', async () => {
    await add('The user drinks oolong tea every morning')
    await home.embedded()
    const found = jsonOf<{
      memories: (Memory & { score: number })[]
      turns: unknown[]
      receipt_id: string
    }>(await engram(['memories', 'search', 'which tea does the user drink', '--json']))
    expect(found.memories[0]).toMatchObject({ content: 'The user drinks oolong tea every morning' })
    expect(found.memories[0]!.score).toBeGreaterThan(0.5)
    expect(found.memories[0]!.id).toStartWith('mem_')
    expect(found.receipt_id).toStartWith('rcp_')
    const lines = await engram(['search', 'oolong', 'tea', '--explain'])
    expect(lines.out).toMatch(/score {2}words {2}meaning/)
    expect(lines.err).toMatch(/1 memory.*Why\? engram why rcp_/)
    const nothing = await engram(['search', 'quantum chromodynamics'])
    expect(nothing).toMatchObject({ code: 0, out: '' })
    expect((await engram(['search', '-n', '0', 'x'])).code).toBe(2)
  })

  test('are shown, changed and traced by the beginning of their id', async () => {
    const { id } = await add('Lives in Bonn')
    const begin = id.slice(0, 9)
    const shown = await engram(['memories', 'show', begin])
    expect(shown.out).toContain('Lives in Bonn')
    expect(shown.out).toContain(id)

    const edited = await engram(['memories', 'edit', begin, 'Lives in Cologne', '--pin', '--json'])
    expect(jsonOf<Memory>(edited)).toMatchObject({ id, content: 'Lives in Cologne', pinned: true })
    expect((await engram(['memories', 'edit', begin, '--unpin', '--reject'])).code).toBe(0)
    expect((await engram(['memories', 'edit', begin])).code).toBe(2)
    expect((await engram(['memories', 'edit', begin, '--pin', '--unpin'])).code).toBe(2)

    const history = jsonOf<{ events: { kind: string }[] }>(
      await engram(['memories', 'history', begin, '--json']),
    )
    expect(history.events.map(({ kind }) => kind)).toEqual(['added', 'updated', 'rejected'])
    const lines = await engram(['memories', 'history', begin])
    expect(lines.out).toContain('"Lives in Bonn" → "Lives in Cologne"')

    const undone = await engram(['undo', begin])
    expect(undone.code).toBe(0)
    expect(jsonOf<Memory>(await engram(['memories', 'show', id, '--json']))).toMatchObject({
      status: 'approved',
      pinned: true,
    })
  })

  test('an id that is not there, or fits several, is refused', async () => {
    const missing = await engram(['memories', 'show', 'mem_zzzzzzzz'])
    expect(missing).toMatchObject({ code: 3, out: '' })
    expect(missing.err).toBe(
      'error E_NOT_FOUND: no memory mem_zzzzzzzz\n  fix   engram memories list --status all\n',
    )
    const whole = await engram(['memories', 'show', `mem_${'z'.repeat(26)}`, '--json'])
    expect(whole.code).toBe(3)
    expect(JSON.parse(whole.err)).toMatchObject({ error: { code: 'E_NOT_FOUND' } })
    const several = await engram(['rm', 'mem_', '--yes'])
    expect(several.code).toBe(2)
    expect(several.err).toContain('E_AMBIGUOUS')
  })

  test('one is deleted at once, several after a question, and come back', async () => {
    const [a, b, c] = [await add('Likes figs'), await add('Likes dates'), await add('Likes plums')]
    const one = await engram(['rm', a.id.slice(0, 12)])
    expect(one).toMatchObject({ code: 0, out: `deleted ${a.id.slice(0, 12)}\n` })
    const asked = await engram(['rm', b.id, c.id])
    expect(asked.code).toBe(6)
    expect(asked.err).toBe(
      'error E_CONFIRM: this asks first: Delete 2 memories?\n' +
        '  why   nobody is at a terminal to answer\n' +
        `  fix   engram memories rm ${b.id} ${c.id} --yes\n`,
    )
    expect((await engram(['rm', b.id, c.id, '--no-input'])).code).toBe(6)
    expect((await engram(['memories', 'show', b.id])).code).toBe(0)
    expect(jsonOf<unknown>(await engram(['rm', b.id, c.id, '--yes', '--json']))).toEqual({
      deleted: [b.id, c.id],
    })
    expect((await engram(['memories', 'show', b.id])).code).toBe(3)
    // One that is gone is still known by the beginning of its id.
    expect((await engram(['memories', 'history', b.id.slice(0, 12)])).out).toContain('deleted')
    expect((await engram(['undo', b.id.slice(0, 12)])).out).toContain('restored')
    expect((await engram(['memories', 'show', b.id])).code).toBe(0)
    expect((await engram(['rm'])).code).toBe(2)
  })

  test('undo walks back change by change; the list names each, and an undo is undone by its id', async () => {
    const work = ['--namespace', 'undoing']
    const [a, b] = [await add('Likes kiwis', ...work), await add('Likes pears', ...work)]
    await engram(['rm', a.id, b.id, '--yes'])
    expect((await engram(['undo'])).out).toContain('"Likes pears"')
    const second = await engram(['undo'])
    expect(second.out).toContain('"Likes kiwis"')
    const contents = async () =>
      jsonOf<{ memories: Memory[] }>(await engram(['memories', 'list', ...work, '--json']))
        .memories.map(({ content }) => content)
        .toSorted()
    expect(await contents()).toEqual(['Likes kiwis', 'Likes pears'])

    type Operation = { operation_id: string; undone_by: string | null; undoes: string | null }
    const { operations } = jsonOf<{ operations: Operation[] }>(
      await engram(['undo', '--list', ...work, '--json']),
    )
    expect(
      operations.map(({ undone_by, undoes }) => [undone_by !== null, undoes !== null]),
    ).toEqual([
      [false, true],
      [false, true],
      [true, false],
      [true, false],
      [false, false],
      [false, false],
    ])
    const listed = await engram(['undo', '--list', ...work, '-n', '3'])
    expect(listed.out.trimEnd().split('\n')).toHaveLength(3)
    expect(listed.out).toMatch(/^op_\w+ +.* undo +"Likes kiwis" +key:local$/m)
    expect(listed.out).toMatch(/^op_\w+ +.* deleted +"Likes pears" +key:local +undone$/m)

    const [, hint] = /Do it again: engram undo (op_\w+)\./.exec(second.err)!
    expect((await engram(['undo', hint!])).code).toBe(0)
    expect(await contents()).toEqual(['Likes pears'])
    expect((await engram(['undo', a.id, '--list'])).code).toBe(2)
  })

  test('all of a namespace are deleted only by its name or --yes, and come back at once', async () => {
    for (const text of ['Stands up at ten', 'Uses Linear']) await add(text, '--namespace', 'work')
    expect((await engram(['memories', 'rm', '--all', '--namespace', 'work'])).code).toBe(6)
    const total = async () =>
      jsonOf<{ total: number }>(await engram(['memories', 'list', '--namespace', 'work', '--json']))
        .total
    expect(await total()).toBe(2)
    const gone = await engram(['memories', 'rm', '--all', '--namespace', 'work', '--yes'])
    expect(gone.code).toBe(0)
    expect(await total()).toBe(0)
    expect(
      jsonOf<{ total: number }>(await engram(['memories', 'list', '--json'])).total,
    ).toBeGreaterThan(0)
    expect((await engram(['undo'])).code).toBe(0)
    expect(await total()).toBe(2)
    const namespaces = await engram(['namespaces', 'list'])
    expect(namespaces.out).toMatch(/^work +2 memories/m)
  })

  test('are listed with filters and pages', async () => {
    const namespace = ['--namespace', 'pages']
    const lines = Array.from({ length: 120 }, (_, i) =>
      JSON.stringify({ content: `Fact ${i}`, category: i % 2 ? 'odd' : 'even' }),
    )
    const imported = await engram(['import', '-', ...namespace], { stdin: lines.join('\n') })
    expect(imported).toMatchObject({ code: 0, out: '120 memories imported\n' })
    const list = async (...flags: string[]) =>
      jsonOf<{ memories: Memory[]; total: number }>(
        await engram(['memories', 'list', '--json', ...namespace, ...flags]),
      )
    expect((await list()).memories).toHaveLength(20)
    const many = await list('--limit', '110')
    expect(new Set(many.memories.map(({ id }) => id)).size).toBe(110)
    expect((await list('--offset', '115')).memories).toHaveLength(5)
    expect((await list('--category', 'odd')).total).toBe(60)
    expect((await list('--search', '77')).memories.map(({ content }) => content)).toEqual([
      'Fact 77',
    ])
    const shown = await engram(['memories', 'list', '-n', '2', ...namespace])
    expect(shown.out.trim().split('\n')).toHaveLength(2)
    expect(shown.err).toBe('2 of 120 memories. More: --offset 2\n')
    expect(await engram(['memories', 'list', '-n', '2', '-q', ...namespace])).toMatchObject({
      err: '',
    })
  })
})

test('a list that is empty says whether there is nothing, or nothing that fits', async () => {
  const none = async (...flags: string[]) => (await engram(['memories', 'list', ...flags])).err
  expect(await none('--search', 'xyzzy')).toMatch(
    /^None of \d+ memories fits --search "xyzzy", --status approved\. All of them: engram memories list --status all$/m,
  )
  expect(await none('--namespace', 'wrok')).toContain('All of them: engram namespaces list')
})

describe('export and import', () => {
  test('give back what was there, in another home', async () => {
    await add('Keeps bees', '--namespace', 'hobby', '--pin')
    const file = join(home.path, 'memories.jsonl')
    const written = await engram(['export', '-o', file])
    expect(written.out).toMatch(/^\d+ memories written to .*memories\.jsonl \(/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const refused = await engram(['export', '-o', file])
    expect(refused.code).toBe(6)
    expect((await engram(['export', '-o', file, '--yes'])).code).toBe(0)
    const piped = await engram(['export', '--namespace', 'hobby'])
    expect(JSON.parse(piped.out)).toMatchObject({
      content: 'Keeps bees',
      namespace: 'hobby',
      pinned: true,
    })

    const other = openHome()
    try {
      expect((await other.engram(['import', file])).code).toBe(0)
      const again = await other.engram(['import', file, '--json'])
      expect(jsonOf<{ imported: number; rejected: unknown[] }>(again)).toMatchObject({
        imported: 0,
        rejected: [],
      })
      const back = (await other.engram(['export'])).out
      const sorted = (text: string) =>
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
          .sort((a, b) => (a.id < b.id ? -1 : 1))
      expect(
        sorted(back).map(({ id, content, namespace, pinned, created_at: at }) => ({
          id,
          content,
          namespace,
          pinned,
          at,
        })),
      ).toEqual(
        sorted(readFileSync(file, 'utf8')).map(
          ({ id, content, namespace, pinned, created_at: at }) => ({
            id,
            content,
            namespace,
            pinned,
            at,
          }),
        ),
      )
    } finally {
      await other.close()
    }
  })

  test('an array is read too, and lines that are refused are listed', async () => {
    const array = JSON.stringify(
      [{ content: 'From an array' }, { content: 'And [another], "quoted"' }],
      null,
      2,
    )
    expect((await engram(['import', '-'], { stdin: array })).out).toBe('2 memories imported\n')
    const stdin = '{"content":"Good"}\n{"content":""}\nnot json\n'
    const partly = await engram(['import', '-'], { stdin })
    expect(partly.code).toBe(7)
    expect(partly.out).toBe('1 memory imported\n')
    expect(partly.err).toContain('  line 2: content must not be blank\n')
    expect(partly.err).toContain('  line 3: ')
    expect(partly.err).toContain('error E_PARTIAL: 2 lines rejected\n')
    const asJson = await engram(['import', '-', '--json'], { stdin })
    expect(asJson.code).toBe(7)
    expect(JSON.parse(asJson.out).rejected).toHaveLength(2)
    const none = await engram(['import', '-'], { stdin: '{"content":""}\n{"content":7}\n' })
    expect(none.code).toBe(7)
    expect(none.out).toBe('0 memories imported\n')
    expect(none.err).toContain(
      '  line 1: content must not be blank\n  line 2: content must be text',
    )
    expect(none.err).toContain('error E_PARTIAL: 2 lines rejected\n')
    expect(none.err).toContain('nothing was stored')
    const one = await engram(['import', '-'], { stdin: 'no json\n' })
    expect(one.err).toContain('error E_PARTIAL: 1 line rejected\n')
    expect(JSON.parse(asJson.err).error.code).toBe('E_PARTIAL')
    expect((await engram(['import', join(home.path, 'none.jsonl')])).code).toBe(3)
  })

  test('an export that fails leaves no file behind', async () => {
    const folder = join(home.path, 'locked')
    mkdirSync(folder)
    const target = join(folder, 'none', 'out.jsonl')
    const failed = await engram(['export', '-o', target])
    expect(failed.code).toBe(3)
    expect(failed.err).toContain(`there is no folder ${join(folder, 'none')}`)
    const name = join(folder, 'x'.repeat(300))
    expect((await engram(['export', '-o', name])).err).not.toContain('.partial')
    expect(existsSync(target)).toBe(false)
  })
})

describe('what went through the proxy', () => {
  test('is explained: what went in, what stayed out, what was learned', async () => {
    const demo = openHome()
    const child = demo.start(['serve', '--demo', '--json'])
    try {
      const line = await child.stdout.getReader().read()
      const { url } = JSON.parse(new TextDecoder().decode(line.value)) as { url: string }
      const nothing = await demo.engram(['why'])
      expect(nothing.code).toBe(3)
      expect(nothing.err).toContain('no chat has gone through Engram yet')
      await demo.engram(['add', 'User prefers dark roast coffee'])
      await demo.embedded()
      const answer = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'demo',
          messages: [{ role: 'user', content: 'What coffee do I prefer?' }],
        }),
      })
      expect(answer.status).toBe(200)
      const receipt = answer.headers.get('x-engram-receipt')!
      const why = await demo.engram(['why', 'last'])
      expect(why.code).toBe(0)
      expect(why.out).toStartWith(receipt.slice(0, 12))
      expect(why.out).toContain('openai/demo')
      expect(why.out).toMatch(/ {2}in +\d\.\d\d +mem_\w{8} +User prefers dark roast coffee/)
      const asJson = jsonOf<{ id: string; injected: number }>(
        await demo.engram(['why', receipt.slice(0, 10), '--json']),
      )
      expect(asJson).toMatchObject({ id: receipt, injected: 1 })

      const conversations = jsonOf<{ conversations: { id: string }[] }>(
        await demo.engram(['conversations', 'list', '--json']),
      )
      const { id } = conversations.conversations[0]!
      const shown = await demo.engram(['conversations', 'show', id.slice(0, 10)])
      expect(shown.out).toContain('What coffee do I prefer?')
      expect((await demo.engram(['conversations', 'rm', id])).code).toBe(6)
      expect((await demo.engram(['conversations', 'rm', id, '--yes'])).code).toBe(0)
      expect((await demo.engram(['conversations', 'show', id])).code).toBe(3)
      const jobs = await demo.engram(['jobs', 'list'])
      expect(jobs.out).toMatch(/^job_\w{8} {2}extract {2}/)
      const job = jobs.out.slice(0, 12)
      expect((await demo.engram(['jobs', 'show', job])).out).toContain('extract')
      expect((await demo.engram(['jobs', 'retry', 'job_zzz'])).code).toBe(3)

      await demo.engram(['search', 'coffee'])
      expect((await demo.engram(['why', '--search'])).out).toContain('asked: coffee')
    } finally {
      child.kill('SIGTERM')
      await child.exited
      await demo.close()
    }
  })
})

describe('users and keys', () => {
  test('a key opens what it may, and no more', async () => {
    const created = await engram(['keys', 'create', 'report', '--read-only', '--expires', '90d'])
    expect(created.out).toMatch(/^ek_[0-9A-Za-z]{49}\n$/)
    expect(created.err).toContain('may only read')
    const env = { ENGRAM_API_KEY: created.out.trim() }
    expect((await engram(['search', 'tabs'], { env })).code).toBe(0)
    const refused = await engram(['add', 'Not allowed'], { env })
    expect(refused).toMatchObject({ code: 4, out: '' })
    expect(refused.err).toContain('error E_FORBIDDEN: the key "report" may only read')
    expect((await engram(['keys', 'list'])).out).toMatch(/report +ek_\S+ +may read .*expires in/)
    const twice = await engram(['keys', 'create', 'report'])
    expect(twice.code).toBe(6)
    expect(twice.err).toContain('there is a key report already\n  fix   engram keys list')
    expect((await engram(['keys', 'revoke', 'report'])).code).toBe(0)
    const revoked = await engram(['search', 'tabs'], { env })
    expect(revoked.code).toBe(4)
    expect(revoked.err).toContain('E_UNAUTHORIZED')
    expect((await engram(['keys', 'revoke', 'report'])).code).toBe(3)
    expect((await engram(['keys', 'revoke', 'local'])).code).toBe(6)
  })

  test('a user is created with a key of their own, and removed after a question', async () => {
    const created = await engram(['users', 'create', 'ada'])
    const env = { ENGRAM_API_KEY: created.out.trim() }
    expect(
      jsonOf<{ total: number }>(await engram(['memories', 'list', '--json'], { env })).total,
    ).toBe(0)
    const twice = await engram(['users', 'create', 'ada'])
    expect(twice.code).toBe(6)
    expect(twice.err).toContain('there is a user ada already\n  fix   engram users list')
    expect(twice.err).not.toContain('external_id')
    expect((await engram(['users', 'list'])).out).toMatch(/usr_\w{8} {2}ada /)
    expect((await engram(['users', 'rm', 'ada'])).code).toBe(6)
    expect((await engram(['users', 'rm', 'ada', '--yes'])).code).toBe(0)
    expect((await engram(['users', 'rm', 'ada', '--yes'])).code).toBe(3)
    expect((await engram(['memories', 'list'], { env })).code).toBe(4)
  })

  test('the local key goes to the daemon of this home only', async () => {
    const seen: (string | null)[] = []
    const other = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch(request) {
        seen.push(request.headers.get('x-engram-key'))
        return Response.json(
          { detail: 'an API key is needed', code: 'unauthorized' },
          { status: 401 },
        )
      },
    })
    try {
      const refused = await engram(['memories', 'list', '--url', other.url.origin])
      expect(refused.code).toBe(4)
      expect(seen).toEqual([null])
      const own = home.daemon()!.url.replace('127.0.0.1', 'localhost')
      expect((await engram(['memories', 'list', '--url', own])).code).toBe(0)
    } finally {
      await other.stop(true)
    }
  })

  test('a server that is no Engram is recognised', async () => {
    const other = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => new Response('<html>', { status: 404 }),
    })
    try {
      const { code, err } = await engram(['memories', 'list', '--url', other.url.origin])
      expect(code).toBe(5)
      expect(err).toContain('another program may be listening there')
    } finally {
      await other.stop(true)
    }
  })
})

describe('review and conflicts', () => {
  test('what waits is approved or rejected by its id', async () => {
    const lines = ['Waits one', 'Waits two'].map((content) =>
      JSON.stringify({ content, status: 'pending' }),
    )
    await engram(['import', '-'], { stdin: lines.join('\n') })
    const waiting = jsonOf<{ memories: Memory[] }>(
      await engram(['review', 'list', '--json']),
    ).memories
    expect(waiting.map(({ content }) => content).sort()).toEqual(['Waits one', 'Waits two'])
    const [first, second] = waiting
    expect((await engram(['review', 'approve', first!.id.slice(0, 12)])).out).toStartWith(
      'approved  ',
    )
    expect((await engram(['review', 'reject', second!.id])).out).toStartWith('rejected  ')
    expect((await engram(['review', 'list'])).err).toBe('Nothing waits for your decision.\n')
    expect((await engram(['review', 'approve', 'mem_zzz'])).code).toBe(3)
    expect((await engram(['conflicts', 'list'])).err).toBe('No memories contradict each other.\n')
    expect((await engram(['conflicts', 'resolve', 'cfl_zz', 'keep_old'])).code).toBe(3)
    expect((await engram(['conflicts', 'resolve', 'cfl_zz', 'maybe'])).code).toBe(2)
  })
})
