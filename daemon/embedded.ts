/** A file inside the executable. */
export type EmbeddedFile = Readonly<{
  /** Its name once unpacked. */
  name: string
  /** Where the executable holds it. */
  path: string
}>

/**
 * Files inside the executable. Empty in the source tree: `build.ts` puts the list for the target platform in
 * place of this module.
 */
export const EMBEDDED: readonly EmbeddedFile[] = []
