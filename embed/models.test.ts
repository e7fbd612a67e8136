import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import sha256 from './models/sha256.json' with { type: 'json' }

const FOLDER = new URL('./models/', import.meta.url)

test('every model file has the SHA-256 that is written down for it, and none is missing', () => {
  const actual = Object.fromEntries(
    ['all-MiniLM-L6-v2', 'related', 'static-256']
      .flatMap((folder) => readdirSync(new URL(folder, FOLDER)).map((file) => `${folder}/${file}`))
      .sort()
      .map((path) => [
        path,
        createHash('sha256')
          .update(readFileSync(new URL(path, FOLDER)))
          .digest('hex'),
      ]),
  )
  expect(actual).toEqual(sha256)
})
