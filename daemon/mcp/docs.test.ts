import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { SETTINGS } from '../settings.ts'
import { TOOLS } from './tools.ts'

const page = readFileSync(join(import.meta.dir, '../../docs/mcp.md'), 'utf8')

type Property = {
  type?: string
  enum?: string[]
  default?: unknown
  minimum?: number
  maximum?: number
  maxLength?: number
  maxItems?: number
}

/** An input in one line: name, what it takes, its default; in bold when it is needed. */
function inputOf(name: string, property: Property, isNeeded: boolean): string {
  const { type, minimum, maximum, maxLength, maxItems } = property
  const takes = property.enum
    ? property.enum.join(', ')
    : type === 'integer' || type === 'number'
      ? `${minimum} to ${maximum}`
      : maxLength !== undefined
        ? `up to ${maxLength} characters`
        : maxItems !== undefined
          ? `up to ${maxItems} ids`
          : type === 'boolean'
            ? 'true or false'
            : 'an id'
  const usual = property.default === undefined ? '' : `; ${property.default}`
  return `${isNeeded ? `**\`${name}\`**` : `\`${name}\``} (${takes}${usual})`
}

function toolRow({ name, title, annotations, input }: (typeof TOOLS)[number]): string {
  const { properties = {}, required = [] } = z.toJSONSchema(input, { io: 'input' }) as {
    properties?: Record<string, Property>
    required?: string[]
  }
  const inputs = Object.entries(properties).map(([key, property]) =>
    inputOf(key, property, required.includes(key)),
  )
  const does = annotations.readOnlyHint ? 'reads' : annotations.destructiveHint ? 'changes' : 'adds'
  return `| \`${name}\` | ${title} | ${does} | ${inputs.join(', ')} |`
}

test('docs/mcp.md lists the tools as they are', () => {
  const [, tools = ''] = /## Tools\n([\s\S]*?)\n## /.exec(page) ?? []
  const rows = tools.split('\n').filter((line) => line.startsWith('| `'))
  expect(rows).toEqual(TOOLS.map(toolRow))
})

test('docs/mcp.md names settings that exist', () => {
  const named = [...page.matchAll(/`(server\.[a-z_]+)`/g)].map(([, name]) => name!)
  expect(named.length).toBeGreaterThan(0)
  for (const name of named) expect(Object.keys(SETTINGS)).toContain(name)
})
