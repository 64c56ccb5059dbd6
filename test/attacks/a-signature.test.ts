import { runSection } from './gauntlet.ts'
import { signature } from './rows/a-signature.ts'
import { confusedSignatures } from './signature-confused.ts'
import { forgedSignatures } from './signature-forged.ts'
import { issuerAttacks } from './signature-issuers.ts'
import { keySets } from './signature-keys.ts'
import { outages } from './signature-outages.ts'

runSection(signature, { ...confusedSignatures, ...forgedSignatures, ...issuerAttacks, ...keySets, ...outages })
