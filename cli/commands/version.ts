import { VERSION } from '../../daemon/version.ts'
import type { Call } from '../command.ts'

export async function version({ out }: Call<object, object>): Promise<void> {
  if (out.isJson) out.json(VERSION)
  else out.line(versionLine())
}

/** "engram 0.1.0 (commit abcdef, linux-x64)" */
export function versionLine(): string {
  return `engram ${VERSION.version} (commit ${VERSION.commit}, ${VERSION.target})`
}
