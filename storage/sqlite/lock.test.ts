import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FolderLock, lockFolder } from './lock.ts'
import { ADDON_PATH, makeTempFolder, type TempFolder } from './temp-store.ts'

let temp: TempFolder
const held: FolderLock[] = []
const others: Bun.Subprocess[] = []

beforeEach(() => {
  temp = makeTempFolder()
})
afterEach(async () => {
  for (const other of others) other.kill('SIGKILL')
  await Promise.all(others.splice(0).map((other) => other.exited))
  for (const { release } of held.splice(0)) release()
  temp.remove()
})

function lock(): FolderLock {
  const taken = lockFolder(temp.folder, ADDON_PATH)
  held.push(taken)
  return taken
}

/** Another process that tries to take the lock, says how that went, and keeps it until it is killed. */
function startOther() {
  const code = `
    import { lockFolder } from ${JSON.stringify(join(import.meta.dir, 'lock.ts'))}
    try {
      lockFolder(${JSON.stringify(temp.folder)}, ${JSON.stringify(ADDON_PATH)})
      console.log(JSON.stringify({ locked: true }))
      setInterval(() => {}, 1_000)
    } catch ({ code, message, fix }) {
      console.log(JSON.stringify({ locked: false, code, message, fix }))
    }`
  const child = Bun.spawn([process.execPath, '-e', code], { stdout: 'pipe', stderr: 'inherit' })
  others.push(child)
  const reader = child.stdout.getReader()
  const outcome = reader
    .read()
    .then(({ value }) => JSON.parse(new TextDecoder().decode(value)) as Record<string, unknown>)
  return { child, outcome }
}

describe('the lock of a folder', () => {
  test('is refused to a second process, which learns who has it', async () => {
    lock()
    const { child, outcome } = startOther()
    expect(await outcome).toEqual({
      locked: false,
      code: 'conflict',
      message: `another Engram (process ${process.pid}) uses ${temp.folder}`,
      fix: expect.stringContaining('engram stop'),
    })
    expect(await child.exited).toBe(0)
  })

  test('is refused a second time in the same process, and the first one stays', async () => {
    lock()
    expect(() => lock()).toThrow(`process ${process.pid}`)
    const { outcome } = startOther()
    expect(await outcome).toMatchObject({ locked: false })
  })

  test('is free at once when its holder is killed', async () => {
    const { child, outcome } = startOther()
    expect(await outcome).toEqual({ locked: true })
    expect(() => lock()).toThrow(`process ${child.pid}`)
    child.kill('SIGKILL')
    await child.exited
    lock()
    expect(readFileSync(join(temp.folder, 'engram.pid'), 'utf8')).toBe(`${process.pid}\n`)
  })

  test('is free after its release, which leaves no word of the holder', async () => {
    lock().release()
    held.length = 0
    expect(existsSync(join(temp.folder, 'engram.pid'))).toBe(false)
    const { outcome } = startOther()
    expect(await outcome).toEqual({ locked: true })
  })

  test('outlives the collection of everything that nobody refers to', async () => {
    // Nothing here keeps what is returned.
    lockFolder(temp.folder, ADDON_PATH)
    for (let i = 0; i < 5; i++) {
      Bun.gc(true)
      await Bun.sleep(1)
    }
    const { outcome } = startOther()
    expect(await outcome).toMatchObject({ locked: false, code: 'conflict' })
  })

  test('goes to exactly one of many that start at once', async () => {
    const started = Array.from({ length: 8 }, startOther)
    const outcomes = await Promise.all(started.map(({ outcome }) => outcome))
    expect(outcomes.filter(({ locked }) => locked)).toHaveLength(1)
    expect(() => lock()).toThrow('process')
    for (const { child } of started) child.kill('SIGKILL')
    await Promise.all(started.map(({ child }) => child.exited))
    lock()
  })

  test('is readable by its owner alone', () => {
    const umask = process.umask(0)
    try {
      lock()
    } finally {
      process.umask(umask)
    }
    for (const name of ['engram.lock', 'engram.pid']) {
      expect(statSync(join(temp.folder, name)).mode & 0o777).toBe(0o600)
    }
  })

  test('is told apart from a holder whose file says nothing', () => {
    lock()
    writeFileSync(join(temp.folder, 'engram.pid'), 'junk')
    expect(() => lock()).toThrow('process unknown')
  })

  test('cannot be taken where its file is something else', () => {
    writeFileSync(join(temp.folder, 'engram.lock'), 'these are my notes'.repeat(100))
    let thrown: unknown
    try {
      lock()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({
      code: 'unavailable',
      fix: expect.stringContaining('engram.lock'),
    })
    expect(readFileSync(join(temp.folder, 'engram.lock'), 'utf8')).toStartWith('these are')
  })

  test('cannot be taken in a folder that is not there', () => {
    expect(() => lockFolder(join(temp.folder, 'missing'), ADDON_PATH)).toThrow(/cannot be locked/)
  })
})
