// Loaded before what a container runs (`node --import`): see place.ts.
import { liveIn, type Place } from './place.ts'

// startStack has written it.
liveIn(JSON.parse(process.env['COUNTERSIGN_TEST_PLACE'] ?? '') as Place)
