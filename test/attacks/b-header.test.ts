import { runSection } from './gauntlet.ts'
import { otherKinds } from './header-kinds.ts'
import { tokenShapes } from './header-shapes.ts'
import { header } from './rows/b-header.ts'

runSection(header, { ...tokenShapes, ...otherKinds })
