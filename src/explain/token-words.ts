import type { Explanation } from './explanation.ts'

/** What a token is, in words. */
export const TOKEN_WORDS: Readonly<Record<NonNullable<Explanation['token']>['kind'], string>> = {
  access: 'an access token',
  id: 'an ID token',
  refresh: 'a refresh token',
  logout: 'a logout token',
  unknown: 'a token of an unknown kind',
  unread: 'a token that cannot be read'
}
