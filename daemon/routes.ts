import { mcpRoutes } from './mcp/routes.ts'
import { oauthRoutes } from './oauth/routes.ts'
import { proxyRoutes } from './proxy/routes.ts'
import { activityRoutes } from './rest/activity.ts'
import { appRoutes } from './rest/apps.ts'
import { captureRoutes } from './rest/capture.ts'
import { conversationSearchRoutes } from './rest/conversation-search.ts'
import { embeddingRoutes } from './rest/embeddings.ts'
import { frontPageRoutes } from './rest/front-page.ts'
import { inspectionRoutes } from './rest/inspection.ts'
import { memoryRoutes } from './rest/memories.ts'
import { systemRoutes } from './rest/system.ts'
import { transferRoutes } from './rest/transfer.ts'
import { userRoutes } from './rest/users.ts'
import type { Route } from './route.ts'

/** Everything the server answers. Fixed paths stand before those with parameters that would swallow them. */
export const ROUTES: readonly Route[] = [
  ...systemRoutes(() => ROUTES),
  ...frontPageRoutes,
  ...mcpRoutes,
  ...oauthRoutes,
  ...appRoutes,
  // GET /embeddings is ours; whatever else is sent there is for a provider.
  ...embeddingRoutes,
  ...proxyRoutes,
  ...userRoutes,
  ...transferRoutes,
  ...captureRoutes,
  ...memoryRoutes,
  ...conversationSearchRoutes,
  ...inspectionRoutes,
  ...activityRoutes,
]
