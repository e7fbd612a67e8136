import { z } from 'zod'
import { readJsonFile } from '../json-items.ts'

/** Multi-Session Chat personas (Xu and others 2022): first-person facts of many people; no questions. */

const facts = z.array(z.string())
const personas = z.record(
  z.string(),
  z.array(z.object({ 'Speaker 1': facts.optional(), 'Speaker 2': facts.optional() })),
)

export function isPersonas(first: unknown): boolean {
  const read = personas.safeParse(first)
  return read.success && Object.values(read.data).some((people) => people[0]?.['Speaker 1'])
}

/** Every fact once, in the order of the files. */
export function readPersonas(files: readonly string[]): string[] {
  const all = files
    .flatMap((file) => Object.values(readJsonFile(file, personas)).flat())
    .flatMap((person) => [...(person['Speaker 1'] ?? []), ...(person['Speaker 2'] ?? [])])
  return [...new Set(all)]
}
