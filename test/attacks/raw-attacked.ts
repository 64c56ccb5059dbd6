import type { Test } from 'tap'
import { rawScene, type Scene, type SceneOptions } from '../gateway/upstream-scene.ts'
import { rawAnswers, sends, type RawErp, type RawHandler } from '../support/raw-erp.ts'
import { tearDown } from '../support/teardown.ts'

/**
 * A gateway before an ERP whose bytes are written by hand, that is looked at when the attack is over: a whole answer
 * still arrives as it is, and once the gateway is closed it holds no socket to the ERP.
 */
export async function startRawAttacked (t: Test, handler: RawHandler, options?: SceneOptions): Promise<Scene<RawErp>> {
  const house = await rawScene(t, handler, options)
  tearDown(t, async () => {
    house.erp.answerWith(sends(rawAnswers.whole))
    const { status, text } = await house.gateway.call({ token: house.idp.mintUser() })
    if (status !== 200 || text !== 'ok') throw new Error(`after the attack a valid request is answered ${status} ${text}`)
  })
  return house
}
