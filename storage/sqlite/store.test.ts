import { testStore } from '../store.contract.ts'
import { openTempStore } from './temp-store.ts'

testStore('SQLite', openTempStore)
