/** Work that is done once however often it is called: all callers wait for the first call's. */
export function once<Args extends readonly unknown[], T>(
  work: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  let running: Promise<T> | null = null
  return (...args) => {
    running ??= work(...args)
    return running
  }
}
