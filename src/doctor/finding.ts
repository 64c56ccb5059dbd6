/** What is looked at, in the order in which it is told. */
export const GROUPS = ['files', 'issuers', 'machine tokens', 'upstreams', 'redis', 'rules', 'running gateway', 'leak'] as const

export type Group = typeof GROUPS[number]

/** One line of what was found. What is not good says what to do. */
export type Finding = {
  readonly group: Group
  /** the name of what was looked at: an issuer's, a rule's, a file with its line */
  readonly about: string
  readonly said: string
} & ({ readonly verdict: 'good' } | { readonly verdict: 'warning' | 'bad', readonly remedy: string })

/** What is wrong, and what to do about it. */
export interface Fault {
  readonly said: string
  readonly remedy: string
}

/** Makes the findings about one thing. */
export interface About {
  good (said: string): Finding
  warning (said: string, remedy: string): Finding
  bad (said: string, remedy: string): Finding
}

export function findingsAbout (group: Group, about: string): About {
  return {
    good: said => ({ group, about, verdict: 'good', said }),
    warning: (said, remedy) => ({ group, about, verdict: 'warning', said, remedy }),
    bad: (said, remedy) => ({ group, about, verdict: 'bad', said, remedy })
  }
}

/** ms that one check may take, so that one that hangs keeps nobody from the others */
export const LONGEST = 15_000

/** What a check finds, or that it came to no end. */
export async function inTime (about: About, check: Promise<readonly Finding[]>, limit = LONGEST): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly Finding[]>(resolve => {
    timer = setTimeout(() => { resolve([about.bad(`came to no end within ${limit / 1000} s`, 'See whether names resolve on this machine (getent hosts NAME), and whether a firewall drops what it sends.')]) }, limit)
  })
  try {
    return await Promise.race([check, late])
  } finally {
    clearTimeout(timer)
  }
}
