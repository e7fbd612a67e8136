import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ByPlatform, type ClientSpec, readCatalog } from './catalog.ts'

const PAGE = readFileSync(join(import.meta.dir, '../../docs/clients.md'), 'utf8')
const CLIENTS = readCatalog('/does/not/exist')

/** The row of a client in the table of the page. */
function rowOf(client: ClientSpec): string {
  const place = client.user ?? client.printed
  const cells = [
    client.name,
    `\`${client.id}\``,
    place ? placesOf(place.files) : 'in the app',
    client.project ? `\`${[client.project.file, ...client.project.or][0]}\`` : '–',
    Object.keys(client.entries).join(', '),
    client.print ? 'printed' : client.hooks ? 'written, hooks' : 'written',
    `[${client.checked}](${client.docs})`,
  ]
  return `| ${cells.join(' | ')} |`
}

/** Of Linux and macOS; the data file has those of Windows too. */
function placesOf(files: ByPlatform): string {
  const of = (platform: 'darwin' | 'linux') =>
    [...(files.all ?? []), ...(files[platform] ?? [])].map(short).filter(Boolean).at(0)
  const [linux, mac] = [of('linux'), of('darwin')]
  return linux === mac ? `\`${linux}\`` : `\`${linux}\`, macOS \`${mac}\``
}

const short = (path: string) => path.replace(/\$\{\w+:-([^}]*)\}/g, '$1')

test('docs/clients.md lists every client as the data file has it', () => {
  const table = PAGE.split('\n').filter(
    (line) => line.startsWith('| ') && line.includes('](https://'),
  )
  expect(table).toEqual(CLIENTS.map(rowOf))
})

test('docs/clients.md names every variable that moves a file', () => {
  const text = readFileSync(join(import.meta.dir, 'clients.json'), 'utf8')
  const names = new Set([...text.matchAll(/\$\{(\w+):-/g)].map(([, name]) => name!))
  for (const name of names) expect(PAGE).toContain(`\`${name}\``)
})
