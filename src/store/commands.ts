// Scripts: each is one round trip, and what it does happens at once or not at all.

/** Counts in the window of KEYS[1], which lasts ARGV[1] ms from its first count: how many there are, and ms until it ends. */
export const COUNT = `
local current = redis.call('INCR', KEYS[1])
local ttl = redis.call('PTTL', KEYS[1])
if ttl < 0 then
  ttl = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ttl)
end
return { current, ttl }
`

/** Takes the lock KEYS[1] for ARGV[1], for ARGV[2] ms: where it is free, or still says ARGV[3]. */
export const TAKE = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`

/** Removes KEYS[1] where it still is ARGV[1]. */
export const REMOVE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`

/** Puts ARGV[2] in the place of ARGV[1] in KEYS[1], where it still is that, for ARGV[3] ms. */
export const REPLACE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
`

/**
 * Finds a write. KEYS are the places where it may stand, then as many leases, one for each. Where it stands in none, ARGV[1]
 * is put in the first for ARGV[2] ms, with a lease of ARGV[3] ms. Gives at which place it stands, what, and whether its
 * lease holds; or nothing, where it was put.
 */
export const BEGIN = `
local places = #KEYS / 2
for at = 1, places do
  local found = redis.call('GET', KEYS[at])
  if found then return { at, found, redis.call('GET', KEYS[places + at]) and 1 or 0 } end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[places + 1], '1', 'PX', ARGV[3])
return false
`

/** Renews the lease KEYS[2] for ARGV[2] ms, where KEYS[1] still is ARGV[1], which is to outlive it. */
export const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return 1
`

/** Puts ARGV[2] in the place of ARGV[1] in KEYS[1] for ARGV[3] ms (removes it, where ARGV[2] is empty), and ends its lease. What another one put there stays. */
export const SETTLE = `
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
redis.call('DEL', KEYS[2])
return 1
`
