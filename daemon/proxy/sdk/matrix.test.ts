import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CLIENTS, FEATURES, renderMatrix } from './matrix.ts'

const read = (path: string) => readFileSync(join(import.meta.dir, path), 'utf8')
const testsIn = (folder: string) =>
  readdirSync(join(import.meta.dir, folder))
    .filter((name) => name.endsWith('.test.ts') && name !== 'matrix.test.ts')
    .map((name) => read(`${folder}/${name}`))
    .join('\n')

const page = read('../../../docs/proxy.md')
const between = (mark: string) =>
  page.split(`<!-- ${mark} -->\n`)[1]!.split(`\n<!-- end of ${mark} -->`)[0]!

describe('docs/proxy.md', () => {
  test('shows the clients that are tested, each once', () => {
    const sources = testsIn('.')
    for (const client of Object.keys(CLIENTS)) {
      // As an argument of testSdk, or as a name in the table of the Python libraries.
      const uses = sources.split(`'${client}'`).length - 1
      expect({ client, uses }).toEqual({ client, uses: 1 })
    }
  })

  test('names the features by the names of the tests', () => {
    const contract = read('sdk.contract.ts')
    for (const feature of FEATURES) expect(contract).toContain(`test('${feature}: `)
    expect(contract.split(/\btest\('/).length - 1).toBe(FEATURES.length)
  })

  test('holds the matrix as it is tested', () => {
    expect(between('matrix')).toBe(renderMatrix())
  })

  test('names the twenty pains as their tests do, in order', () => {
    const groups = [...testsIn('../pains').matchAll(/^describe\('((\d+)\. .*)',/gm)]
    const names = groups.toSorted((a, b) => Number(a[2]) - Number(b[2])).map(([, name]) => name!)
    expect(names.map((name) => Number.parseInt(name, 10))).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
    expect(between('pains').split('\n')).toEqual(names)
  })
})
