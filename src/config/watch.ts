import { watch, type FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface Watch {
  /** Looks at these files from now on, as they are now. */
  look (files: readonly string[]): Promise<void>
  close (): void
}

/** ms between looks, for file systems that tell of no change: network shares, and some that containers are given. */
const EVERY = 5000
/** ms for which files must be left alone: an editor writes in pieces, Kubernetes swaps several. */
const QUIET = 150

/**
 * Calls back when one of the files is another: written, replaced by a rename, gone, or behind a symbolic link that leads
 * elsewhere now, as Kubernetes swaps mounted volumes. Which they are tells their state (inode, size, times), not an event.
 */
export function watchFiles (onChange: () => void): Watch {
  let files: readonly string[] = []
  let known = ''
  let watchers: FSWatcher[] = []
  let soon: NodeJS.Timeout | undefined
  let closed = false
  const regularly = setInterval(() => { void compare() }, EVERY).unref()

  async function compare (): Promise<void> {
    const state = await stateOf(files)
    if (!closed && state !== known) await settle(state)
  }

  async function settle (state: string): Promise<void> {
    for (let last = state; ; last = await stateOf(files)) {
      await new Promise(resolve => { setTimeout(resolve, QUIET).unref() })
      if (closed || last === known) return
      if (await stateOf(files) !== last) continue
      known = last
      onChange()
      return
    }
  }

  function hint (): void {
    clearTimeout(soon)
    soon = setTimeout(() => { void compare() }, QUIET).unref()
  }

  function stop (): void {
    for (const watcher of watchers) watcher.close()
    watchers = []
  }

  return {
    async look (next) {
      stop()
      files = next
      const folders = new Set(files.map(dirname))
      watchers = [...folders].flatMap(folder => hintsOf(folder, hint))
      known = await stateOf(files)
    },
    close () {
      closed = true
      clearInterval(regularly)
      clearTimeout(soon)
      stop()
    }
  }
}

// A folder that cannot be watched, for it is not there or the system has no watches left, is looked at regularly.
function hintsOf (folder: string, hint: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, hint)
    watcher.on('error', () => { watcher.close() })
    return [watcher]
  } catch {
    return []
  }
}

async function stateOf (files: readonly string[]): Promise<string> {
  const states = await Promise.all(files.map(async file => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    }
  }))
  return states.join('\n')
}
