import type { Tool } from './tool.ts'
import { RECALL_TOOLS } from './tools-recall.ts'
import { REMEMBER_TOOLS } from './tools-remember.ts'
import { REVIEW_TOOLS } from './tools-review.ts'

/** Every tool, in the order in which clients list them. Each is a few calls of the REST interface. */
export const TOOLS: readonly Tool[] = [...RECALL_TOOLS, ...REMEMBER_TOOLS, ...REVIEW_TOOLS]
