import { describe, expect, test } from 'bun:test'
import type { Scope } from '../../memory/memory.ts'
import type { Removal } from '../embedding-index.ts'
import { MAX_ATTEMPTS } from '../jobs.ts'
import type { EmbedJobKind } from '../vectors.ts'
import {
  BY,
  embedAll,
  exchange,
  fillAll,
  MINUTE,
  MODEL,
  type Open,
  START,
  useStore,
  vectorOf,
} from './fixture.ts'

const OTHER = { fingerprint: 'other:1', name: 'other', dimensions: 8, choice: 'other' }

export function testEmbeddingIndex(dialect: string, open: Open) {
  describe(`${dialect}: which model is in force`, () => {
    const bench = useStore(open)

    const add = async (scope: Scope, content: string) =>
      (await bench.store.memories.add(scope, { content }, BY)).memory
    const state = () => bench.store.embeddings.state()
    const install = () => bench.store.embeddings.install({ ...MODEL, choice: 'test' })
    /** Begins a switch to `OTHER` and says what its model is. */
    const begin = async () => {
      await bench.store.embeddings.begin('other')
      return (await bench.store.embeddings.adopt('other', OTHER))!
    }
    /** Embeds what waits, by a model of any dimensions. */
    const embed = async (id: number, dimensions: number, kind: EmbedJobKind = 'embed') => {
      const texts = await bench.store.vectors.claimTexts(50, MINUTE, kind)
      await bench.store.vectors.save(
        id,
        texts.map(({ text, ...claim }) => ({
          ...claim,
          components: vectorOf(text, dimensions),
        })),
      )
      return texts.map(({ text }) => text)
    }
    const fill = (id: number, dimensions: number) => fillAll(bench, id, { dimensions, span: 3 })
    const coverage = (id: number) => bench.store.vectors.coverage(id)
    const purge = async (limit = 2) => {
      for (let at: Removal | null = null; ; ) {
        at = await bench.store.embeddings.removeRetired(limit, at)
        if (at === null) return
      }
    }

    test('in the beginning there is none', async () => {
      expect(await state()).toEqual({
        inForce: null,
        next: null,
        chosenBy: 'default',
        setting: null,
      })
    })

    test('a model is kept with all that is known of it', async () => {
      const sample = Int8Array.from({ length: 16 }, (_, i) => i - 8)
      const calibration = { scale: 1.25, offset: -0.3 }
      const installed = await bench.store.embeddings.install({
        ...MODEL,
        choice: 'openai:x',
        calibration,
        sample,
      })
      expect(installed).toMatchObject({ ...MODEL, choice: 'openai:x', calibration, sample })
      // Known again by name alone, the rest stays.
      await bench.store.vectors.ensureModel(MODEL)
      expect((await state()).inForce).toMatchObject({ calibration, sample })
      await bench.store.embeddings.note('command', 'static')
      expect(await state()).toMatchObject({ chosenBy: 'command', setting: 'static' })
    })

    test('a switch begins, learns its model, and is cut over once everything is filled', async () => {
      const scope = await bench.scope()
      const old = await install()
      for (const content of ['one', 'two', 'three', 'four']) await add(scope, content)
      await bench.store.conversations.record(exchange(scope, ['a', 'b']))
      await embedAll(bench, old.id)
      await bench.store.embeddings.begin('other')
      expect((await state()).next).toEqual({
        choice: 'other',
        model: null,
        state: 'building',
        problem: null,
        startedAt: START,
      })
      const next = (await bench.store.embeddings.adopt('other', OTHER))!
      expect((await state()).next!.model).toMatchObject(OTHER)
      expect(await fill(next.id, 8)).toHaveLength(6)
      expect(await fill(next.id, 8)).toEqual([])
      expect((await state()).inForce!.id).toBe(old.id)
      expect(await bench.store.embeddings.cutOver(next.id)).toBe(true)
      expect(await state()).toMatchObject({ inForce: { id: next.id }, next: null })
      expect(await coverage(next.id)).toEqual({ embedded: 6, total: 6 })
      expect(await coverage(old.id)).toEqual({ embedded: 6, total: 6 })
      await purge()
      expect(await coverage(old.id)).toEqual({ embedded: 0, total: 6 })
      expect(await coverage(next.id)).toEqual({ embedded: 6, total: 6 })
      expect(await bench.store.embeddings.cutOver(next.id)).toBe(false)
    })

    test('what is written during a switch gets both vectors', async () => {
      const scope = await bench.scope()
      const old = await install()
      await add(scope, 'before')
      const next = await begin()
      await add(scope, 'during')
      expect((await embed(old.id, 16)).toSorted()).toEqual(['before', 'during'])
      expect(await coverage(old.id)).toEqual({ embedded: 2, total: 2 })
      const counts = async () => (await bench.store.jobs.counts()).reembed
      expect(await counts()).toMatchObject({ queued: 2 })
      expect((await embed(next.id, 8, 'reembed')).toSorted()).toEqual(['before', 'during'])
      expect(await counts()).toMatchObject({ queued: 0, running: 0 })
      expect(await coverage(next.id)).toEqual({ embedded: 2, total: 2 })
      expect(await fill(next.id, 8)).toEqual([])
    })

    test('what has been filled already is not embedded once more', async () => {
      const scope = await bench.scope()
      const old = await install()
      await add(scope, 'one')
      const next = await begin()
      await fill(next.id, 8)
      await embed(old.id, 16)
      expect((await bench.store.jobs.counts()).reembed.queued).toBe(0)
    })

    test('a text that changes while it is being filled is not given the old vector', async () => {
      const scope = await bench.scope()
      const old = await install()
      const { id } = await add(scope, 'one')
      await add(scope, 'gone')
      await embedAll(bench, old.id)
      const next = await begin()
      const { texts } = await bench.store.vectors.missing(next.id, 'memory', 0, {
        span: 9,
        idle: false,
      })
      await bench.store.memories.change(scope.userId, id, { content: 'two' }, BY)
      const { memories } = await bench.store.memories.list({
        userId: scope.userId,
        namespace: null,
        status: null,
        category: null,
        search: 'gone',
        order: 'created_at',
        direction: 'asc',
        limit: 9,
        offset: 0,
      })
      await bench.store.memories.remove(scope.userId, memories[0]!.id, BY)
      await bench.store.vectors.fill(
        next.id,
        texts.map((missing) => ({ ...missing, components: vectorOf(missing.text, 8) })),
      )
      expect(await coverage(next.id)).toEqual({ embedded: 0, total: 1 })
      await embed(old.id, 16)
      expect(await embed(next.id, 8, 'reembed')).toEqual(['two'])
      expect(await coverage(next.id)).toEqual({ embedded: 1, total: 1 })
    })

    test('a vector of another length is refused with its batch', async () => {
      const scope = await bench.scope()
      await install()
      await add(scope, 'one')
      const next = await begin()
      const { texts } = await bench.store.vectors.missing(next.id, 'memory', 0, {
        span: 9,
        idle: false,
      })
      const wrong = bench.store.vectors.fill(next.id, [
        { ...texts[0]!, components: new Int8Array(16) },
      ])
      await expect(wrong).rejects.toMatchObject({ code: 'invalid' })
      expect(await bench.count('vectors')).toBe(0)
    })

    test('what waits or is under way at the cut-over is embedded by the new model', async () => {
      const scope = await bench.scope()
      const old = await install()
      const next = await begin()
      await add(scope, 'handed on')
      await embed(old.id, 16)
      await add(scope, 'under way')
      const underWay = await bench.store.vectors.claimTexts(1, MINUTE)
      await add(scope, 'waiting')
      expect(await bench.store.embeddings.cutOver(next.id)).toBe(true)
      // Too late: its claim is gone, so that nothing of the old model closes the job.
      await bench.store.vectors.save(
        old.id,
        underWay.map(({ text, ...claim }) => ({ ...claim, components: vectorOf(text) })),
      )
      expect((await embed(next.id, 8)).toSorted()).toEqual(['handed on', 'under way', 'waiting'])
      expect(await coverage(next.id)).toEqual({ embedded: 3, total: 3 })
    })

    test('it is not cut over while many texts wait for the new model', async () => {
      const scope = await bench.scope()
      const old = await install()
      const next = await begin()
      for (let i = 0; i < 80; i++) await add(scope, `text ${i}`)
      await embed(old.id, 16)
      await embed(old.id, 16)
      expect((await bench.store.jobs.counts()).reembed.queued).toBe(80)
      expect(await bench.store.embeddings.cutOver(next.id)).toBe(false)
      expect((await state()).inForce!.id).toBe(old.id)
      await embed(next.id, 8, 'reembed')
      expect(await bench.store.embeddings.cutOver(next.id)).toBe(true)
    })

    test('a text that the new model cannot embed does not hold it up, and stays visible', async () => {
      const scope = await bench.scope()
      const old = await install()
      const next = await begin()
      await add(scope, 'one')
      await embed(old.id, 16)
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const [text] = await bench.store.vectors.claimTexts(1, MINUTE, 'reembed')
        await bench.store.jobs.fail(text!.jobId, text!.fence, 'cannot be read', bench.clock.at)
      }
      expect(await bench.store.embeddings.cutOver(next.id)).toBe(true)
      expect((await bench.store.jobs.counts()).embed).toMatchObject({ dead: 1, queued: 0 })
      expect(await bench.store.vectors.retryGivenUp()).toBe(1)
      expect(await embed(next.id, 8)).toEqual(['one'])
    })

    test('a failed switch leaves the old model in force, and can be begun again', async () => {
      const scope = await bench.scope()
      const old = await install()
      await add(scope, 'one')
      const next = await begin()
      await embed(old.id, 16)
      await fill(next.id, 8)
      await bench.store.embeddings.report('rate-limited')
      expect((await state()).next).toMatchObject({ state: 'building', problem: 'rate-limited' })
      await bench.store.embeddings.fail('the key was refused')
      expect(await state()).toMatchObject({
        inForce: { id: old.id },
        next: { choice: 'other', state: 'failed', problem: 'the key was refused', model: null },
      })
      expect((await bench.store.jobs.counts()).reembed.queued).toBe(0)
      expect(await bench.store.embeddings.cutOver(next.id)).toBe(false)
      // Nothing that comes late changes what has failed.
      expect(await bench.store.embeddings.adopt('other', OTHER)).toBeNull()
      await bench.store.embeddings.report('late')
      expect((await state()).next!.problem).toBe('the key was refused')
      // Vectors that were not removed yet are as good as new.
      const again = await begin()
      expect(again.id).toBe(next.id)
      expect(await fill(again.id, 8)).toEqual([])
      expect(await bench.store.embeddings.cutOver(again.id)).toBe(true)
    })

    test('cancelled, nothing of the switch stays', async () => {
      const scope = await bench.scope()
      const old = await install()
      await add(scope, 'one')
      await embedAll(bench, old.id)
      const next = await begin()
      await fill(next.id, 8)
      await bench.store.embeddings.cancel()
      expect(await state()).toMatchObject({ inForce: { id: old.id }, next: null })
      await purge()
      expect(await coverage(next.id)).toEqual({ embedded: 0, total: 1 })
      expect(await coverage(old.id)).toEqual({ embedded: 1, total: 1 })
    })

    test('another switch takes the place of one under way', async () => {
      const scope = await bench.scope()
      await install()
      await add(scope, 'one')
      const first = await begin()
      await fill(first.id, 8)
      await bench.store.embeddings.begin('third')
      expect(await bench.store.embeddings.adopt('other', OTHER)).toBeNull()
      expect(await bench.store.embeddings.cutOver(first.id)).toBe(false)
      const third = await bench.store.embeddings.adopt('third', {
        ...OTHER,
        fingerprint: 'third:1',
        choice: 'third',
      })
      expect((await state()).next!.model!.id).toBe(third!.id)
      await purge()
      expect(await coverage(first.id)).toEqual({ embedded: 0, total: 1 })
    })

    test('the model in force cannot take over from itself', async () => {
      await install()
      await bench.store.embeddings.begin('test')
      expect(await bench.store.embeddings.adopt('test', MODEL)).toBeNull()
    })

    test('a model that is used again is not emptied any further', async () => {
      const scope = await bench.scope()
      const old = await install()
      for (const content of ['one', 'two', 'three']) await add(scope, content)
      await embedAll(bench, old.id)
      const next = await begin()
      await fill(next.id, 8)
      await bench.store.embeddings.cutOver(next.id)
      const removal = await bench.store.embeddings.removeRetired(1, null)
      expect((await coverage(old.id)).embedded).toBe(2)
      await bench.store.embeddings.begin('test')
      await bench.store.embeddings.adopt('test', MODEL)
      expect(await bench.store.embeddings.removeRetired(1, removal)).toBeNull()
      expect(await fill(old.id, 16)).toEqual(['one'])
      // Retired once more, nothing stays behind where the first removal had passed.
      await bench.store.embeddings.cancel()
      for (let at: Removal | null = removal; ; ) {
        at = await bench.store.embeddings.removeRetired(1, at)
        if (at === null) break
      }
      expect((await coverage(old.id)).embedded).toBe(0)
    })

    test('texts without a vector and without a job are found page by page', async () => {
      const scope = await bench.scope()
      const old = await install()
      for (const content of ['one', 'two', 'three', 'four']) await add(scope, content)
      const page = (after: number, idle: boolean) =>
        bench.store.vectors.missing(old.id, 'memory', after, { span: 3, idle })
      const first = await page(0, false)
      expect(first.texts.map(({ text }) => text)).toEqual(['one', 'two', 'three'])
      expect(first.seen).toBe(3)
      const second = await page(first.after!, false)
      expect(second.texts.map(({ text }) => text)).toEqual(['four'])
      expect(second.after).toBeNull()
      expect((await page(0, true)).texts).toEqual([])
      const texts = await bench.store.vectors.claimTexts(9, MINUTE)
      await bench.store.vectors.save(
        old.id,
        texts.slice(1).map(({ text, ...claim }) => ({ ...claim, components: vectorOf(text) })),
      )
      expect((await page(0, false)).texts.map(({ text }) => text)).toEqual(['one'])
    })

    test('texts given back count as never tried', async () => {
      const scope = await bench.scope()
      await install()
      await add(scope, 'one')
      for (let round = 0; round < 2 * MAX_ATTEMPTS; round++) {
        const texts = await bench.store.vectors.claimTexts(9, MINUTE)
        expect(texts).toHaveLength(1)
        await bench.store.vectors.release(texts, bench.clock.at + 10, 'no network')
        expect(await bench.store.vectors.claimTexts(9, MINUTE)).toEqual([])
        bench.clock.at += 10
      }
      const stale = await bench.store.vectors.claimTexts(9, 5)
      bench.clock.at += 5
      const fresh = await bench.store.vectors.claimTexts(9, MINUTE)
      await bench.store.vectors.release(stale, bench.clock.at, 'late')
      expect(await bench.store.vectors.claimTexts(9, MINUTE)).toEqual([])
      expect(fresh).toHaveLength(1)
    })
  })
}
