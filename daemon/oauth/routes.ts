import type { Route } from '../route.ts'
import { authorizeRoutes } from './authorize.ts'
import { metadataRoutes } from './metadata.ts'
import { registrationRoute } from './register.ts'
import { tokenRoutes } from './token.ts'

/** OAuth 2.1 for apps that are not given a key: they ask, and the user decides in their browser. */
export const oauthRoutes: readonly Route[] = [
  ...metadataRoutes,
  registrationRoute,
  ...authorizeRoutes,
  ...tokenRoutes,
]
