import { categoryOf } from '../memory/category.ts'
import type { Memory, NewMemory } from '../memory/memory.ts'

/** What saying a statement again can change about the memory that says it. */
export const RESTATED = [
  'category',
  'pinned',
  'expiresAt',
  'validFrom',
  'validTo',
  'metadata',
] as const

export type Restated = Partial<Pick<Memory, (typeof RESTATED)[number]>>

/**
 * What changes about a memory when its statement is said again; only fields that become another.
 *
 * What is named now counts: an end, a beginning, metadata under new names. A statement without an end takes an
 * earlier one away, since it is said to hold. What somebody chose is kept: the pin, metadata under names that are
 * there, and the category, unless nobody had chosen one.
 */
export function restated(same: Memory, given: NewMemory): Restated {
  const isUnchosen = same.category === 'general' || same.category === categoryOf(same.content)
  const wanted: Required<Restated> = {
    category: isUnchosen ? (given.category ?? same.category) : same.category,
    pinned: same.pinned || (given.pinned ?? false),
    expiresAt: given.expiresAt ?? null,
    validFrom: given.validFrom ?? same.validFrom,
    validTo: given.validTo ?? null,
    metadata: { ...given.metadata, ...same.metadata },
  }
  const hasMore = Object.keys(wanted.metadata).length > Object.keys(same.metadata).length
  return Object.fromEntries(
    RESTATED.filter((name) => (name === 'metadata' ? hasMore : wanted[name] !== same[name])).map(
      (name) => [name, wanted[name]],
    ),
  )
}
