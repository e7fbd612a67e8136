import { describe, expect, test } from 'bun:test'
import { margin, mean, meanFigures, measure, percentile } from './metrics.ts'

const labels = (text: string) => text.split('')

describe('a ranking', () => {
  test('with the one right answer first is perfect', () => {
    expect(measure(labels('abcdef'), new Set('a'))).toEqual({
      r1: 1,
      r5: 1,
      r10: 1,
      recall_all5: 1,
      recall_all10: 1,
      mrr: 1,
      ndcg10: 1,
    })
  })

  test('with it in place four', () => {
    expect(measure(labels('xyzabc'), new Set('a'))).toEqual({
      r1: 0,
      r5: 1,
      r10: 1,
      recall_all5: 1,
      recall_all10: 1,
      mrr: 1 / 4,
      ndcg10: 1 / Math.log2(5),
    })
  })

  test('with two of four, one of them beyond five', () => {
    const { r1, r5, r10, recall_all5, recall_all10, mrr, ndcg10 } = measure(
      labels('xaxxxxxbxx'.replaceAll('x', '-')),
      new Set('abcd'),
    )
    expect([r1, r5, r10, recall_all5, recall_all10, mrr]).toEqual([0, 1 / 4, 2 / 4, 0, 0, 1 / 2])
    const ideal = 1 + 1 / Math.log2(3) + 1 / Math.log2(4) + 1 / Math.log2(5)
    expect(ndcg10).toBeCloseTo((1 / Math.log2(3) + 1 / Math.log2(9)) / ideal)
  })

  test('that ends early, or is empty, has found what it has', () => {
    expect(measure(labels('ab'), new Set('ab'))).toMatchObject({
      r10: 1,
      recall_all5: 1,
      ndcg10: 1,
    })
    expect(measure([], new Set('a'))).toMatchObject({ r10: 0, mrr: 0, ndcg10: 0 })
  })

  test('beyond ten counts for the reciprocal rank alone', () => {
    const deep = [...labels('0123456789'), 'a']
    expect(measure(deep, new Set('a'))).toMatchObject({ r10: 0, mrr: 1 / 11, ndcg10: 0 })
  })

  test('cannot be better than what is relevant fills: more than ten give at most ten', () => {
    const all = labels('abcdefghijkl')
    expect(measure(all, new Set(all))).toMatchObject({ r10: 10 / 12, recall_all10: 0, ndcg10: 1 })
  })
})

test('figures are averaged one by one, and those of nothing are none', () => {
  const [good, bad] = [measure(['a'], new Set('a')), measure(['b'], new Set('a'))]
  expect(meanFigures([good, bad, bad])!.r10).toBeCloseTo(1 / 3)
  expect(meanFigures([])).toBeNull()
})

test('a percentile is a value that occurs', () => {
  expect(percentile([5, 1, 4, 2, 3], 0.5)).toBe(3)
  expect(percentile([5, 1, 4, 2, 3], 0.95)).toBe(5)
  expect(percentile([7], 0.5)).toBe(7)
  expect(percentile([], 0.5)).toBe(0)
})

test('a margin shrinks with the square root of the number', () => {
  const few = Array.from({ length: 100 }, (_, i) => i % 2)
  const many = Array.from({ length: 400 }, (_, i) => i % 2)
  expect(margin(few)).toBeCloseTo(0.0985, 3)
  expect(margin(few) / margin(many)).toBeCloseTo(2, 1)
  expect(mean(few)).toBe(0.5)
  expect(margin([1])).toBe(0)
})
