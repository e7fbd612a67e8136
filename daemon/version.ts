import packageJson from '../package.json' with { type: 'json' }

declare const ENGRAM_BUILD: string | undefined
declare const ENGRAM_COMMIT: string | undefined
declare const ENGRAM_TARGET: string | undefined

/** What this is: `build.ts` defines the last three in the executable. */
export const VERSION = {
  version: packageJson.version,
  commit: typeof ENGRAM_COMMIT === 'string' ? ENGRAM_COMMIT : 'source',
  target: typeof ENGRAM_TARGET === 'string' ? ENGRAM_TARGET : `${process.platform}-${process.arch}`,
  /** Differs between any two builds whose embedded files differ. */
  build: typeof ENGRAM_BUILD === 'string' ? ENGRAM_BUILD : 'source',
} as const
