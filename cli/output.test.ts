import { describe, expect, test } from 'bun:test'
import {
  count,
  createOutput,
  cut,
  displayWidth,
  duration,
  fileSize,
  formatTable,
  oneLine,
  printable,
  relativeTime,
  type Stream,
  shortId,
  tilde,
  wantsColor,
  wrap,
} from './output.ts'

const plain = (_style: unknown, text: string) => text

describe('tables', () => {
  const columns = [{ title: 'id' }, { title: 'text', flexible: true as const }, { title: 'age' }]

  test('cells align, also with wide characters and emoji', () => {
    const rows = [
      ['mem_1', 'likes tea', '3 d ago'],
      ['mem_22', '喜欢绿茶', '1 h ago'],
      ['mem_333', '👩‍🚀 flies', 'just now'],
    ]
    const lines = formatTable({ columns, rows }, 80, plain)
    const starts = lines.map((line, i) => displayWidth(line.slice(0, line.indexOf(rows[i]![2]!))))
    expect(new Set(starts).size).toBe(1)
    expect(lines.every((line) => line === line.trimEnd())).toBe(true)
  })

  test('no line is wider than the terminal, and what was cut ends with …', () => {
    const long = '深い森の中で'.repeat(20)
    for (const width of [60, 80, 120]) {
      const lines = formatTable({ columns, rows: [['mem_1', long, '3 d ago']] }, width, plain)
      expect(displayWidth(lines[0]!)).toBeLessThanOrEqual(width)
      expect(lines[0]).toContain('…')
      expect(lines[0]).toEndWith('3 d ago')
    }
  })

  test('nothing is cut where there is no terminal', () => {
    const long = 'word '.repeat(100).trim()
    expect(formatTable({ columns, rows: [['mem_1', long, 'now']] }, null, plain)[0]).toContain(long)
  })

  test('what would leave the text too little room goes below it', () => {
    const table = {
      columns: [
        { title: 'score', align: 'right' as const },
        { title: 'words', below: 'named' as const },
        { title: 'text', flexible: true as const },
        { title: 'why', below: 'plain' as const },
      ],
      titles: true,
      indent: 2,
      rows: [
        [
          '0.82',
          '0.50',
          'likes tea of every kind, and above all the green one',
          'a reason '.repeat(9),
        ],
        ['0.10', '0.00', 'short', ''],
      ],
    }
    const narrow = formatTable(table, 80, plain)
    expect(narrow).toEqual([
      '  score  text',
      '   0.82  likes tea of every kind, and above all the green one',
      '         words 0.50  a reason a reason a reason a reason a reason a reason a',
      '         reason a reason a reason',
      '   0.10  short',
      '         words 0.00',
    ])
    const [titles, first, ...others] = formatTable(table, 200, plain)
    expect(titles).toMatch(/^ {2}score {2}words {2}text +why$/)
    expect(first).toMatch(/0\.50 +likes tea .* the green one {2}a reason/)
    expect(others).toHaveLength(1)
    expect(formatTable(table, null, plain)).toHaveLength(3)
  })

  test('one long text does not push the others’ cells far away in a pipe', () => {
    const rows = [
      ['mem_1', 'x'.repeat(200), 'now'],
      ['mem_2', 'short', 'now'],
    ]
    const [long, short] = formatTable({ columns, rows }, null, plain)
    expect(long).toEndWith('x  now')
    expect(short).toHaveLength('mem_2  '.length + 60 + '  now'.length)
  })

  test('a column that is empty in every row takes no room', () => {
    expect(formatTable({ columns, rows: [['a', '', 'b']] }, 80, plain)).toEqual(['a  b'])
  })

  test('colours do not change the width', () => {
    const paint = (_style: unknown, text: string) => `\x1b[31m${text}\x1b[39m`
    const table = {
      columns: [{ title: '', style: 'red' as const }, { title: '' }],
      rows: [
        ['a', 'b'],
        ['ccc', 'd'],
      ],
    }
    const stripped = formatTable(table, 80, paint).map(Bun.stripANSI)
    expect(stripped).toEqual(formatTable(table, 80, plain))
  })

  test('numbers stand right', () => {
    const table = {
      columns: [{ title: '', align: 'right' as const }, { title: '' }],
      rows: [
        ['1', 'a'],
        ['100', 'b'],
      ],
    }
    expect(formatTable(table, 80, plain)).toEqual(['  1  a', '100  b'])
  })
})

describe('text of others', () => {
  test('cannot move the cursor, name the window, or turn around', () => {
    const nasty = 'a\x1b[2Jb\x9b31mc\x07\u202ed\x00'
    expect(printable(nasty)).toBe('a�[2Jb�31mc��d�')
  })

  test('becomes one line in a list', () => {
    expect(oneLine(' one\n\ttwo\r\nthree ')).toBe('one two three')
  })

  test('is cut between graphemes', () => {
    expect(cut('ab👨‍👩‍👧cd', 5)).toBe('ab👨‍👩‍👧…')
    expect(cut('short', 10)).toBe('short')
    expect(displayWidth(cut('茶'.repeat(30), 9))).toBeLessThanOrEqual(9)
  })

  test('is wrapped at spaces, and anywhere when there are none', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
    expect(wrap('abcdefghij', 4)).toEqual(['abcd', 'efgh', 'ij'])
    expect(wrap('a\n\nb', 10)).toEqual(['a', '', 'b'])
  })
})

describe('words for amounts', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  test.each([
    ['2026-11-23T11:59:58Z', 'just now'],
    ['2026-11-23T11:59:20Z', '40 s ago'],
    ['2026-11-23T11:58:00Z', '2 min ago'],
    ['2026-11-23T09:00:00Z', '3 h ago'],
    ['2026-11-20T12:00:00Z', '3 d ago'],
    ['2026-10-20T12:00:00Z', '1 mo ago'],
    ['2024-11-20T12:00:00Z', '2 y ago'],
    ['2026-11-30T12:00:00Z', 'in 7 d'],
  ])('%s is %s', (at, words) => expect(relativeTime(at, now)).toBe(words))

  test('sizes, spans and counts', () => {
    expect([0, 999, 84_211, 6_100_000, 2_000_000_000].map(fileSize)).toEqual([
      '0 B',
      '999 B',
      '84 KB',
      '6.1 MB',
      '2.0 GB',
    ])
    expect([0.4, 45, 300, 12_000, 200_000, 7_200_000, 3e8].map(duration)).toEqual([
      '1 ms',
      '45 ms',
      '0.3 s',
      '12 s',
      '3 min',
      '2 h',
      '3 d',
    ])
    expect([count(1, 'memory', 'memories'), count(2_000, 'job')]).toEqual([
      '1 memory',
      '2,000 jobs',
    ])
  })

  test('ids are shown by their first eight characters, paths from the home folder', () => {
    expect(shortId('mem_7f3a91c2e0b1d2')).toBe('mem_7f3a91c2')
    expect(tilde('/home/ada/x', { HOME: '/home/ada' })).toBe('~/x')
    expect(tilde('/home/adam/x', { HOME: '/home/ada' })).toBe('/home/adam/x')
  })
})

test.each([
  ['auto', {}, true, true],
  ['auto', {}, false, false],
  ['auto', { NO_COLOR: '1' }, true, false],
  ['auto', { TERM: 'dumb' }, true, false],
  ['auto', { FORCE_COLOR: '1' }, false, true],
  ['auto', { FORCE_COLOR: '0' }, true, false],
  ['never', { FORCE_COLOR: '1' }, true, false],
  ['always', { NO_COLOR: '1' }, false, true],
] as const)('colour %s with %o on a terminal %p: %p', (wish, env, isTTY, expected) => {
  expect(wantsColor(wish, env, { isTTY })).toBe(expected)
})

test('notes go to stderr and are left out with --quiet and --json', () => {
  const written = (json: boolean, quiet: boolean) => {
    const lines = { out: '', err: '' }
    const stream = (name: 'out' | 'err'): Stream => ({
      write(text, done) {
        lines[name] += text
        done?.()
        return true
      },
    })
    const out = createOutput({
      stdout: stream('out'),
      stderr: stream('err'),
      env: {},
      color: 'auto',
      json,
      quiet,
      now: Date.now,
    })
    out.line('data')
    out.note('hint')
    out.error('bad')
    return lines
  }
  expect(written(false, false)).toEqual({ out: 'data\n', err: 'hint\nbad\n' })
  expect(written(false, true)).toEqual({ out: 'data\n', err: 'bad\n' })
  expect(written(true, false)).toEqual({ out: 'data\n', err: 'bad\n' })
})
