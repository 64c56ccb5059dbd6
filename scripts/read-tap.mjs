// Reads what tap writes (TAP 14) line by line: totals, and each failure with its place and explanation.

/**
 * `line(text)` takes one line of TAP, `result()` gives what was read so far:
 * totals count assertions. `whole` says that tap came to its end and that every level had as many
 * points as its plan (`1..N`) announced: nothing was lost on the way here.
 * `onFile({ name, ok, passed, failed, skipped, seconds })` is called as each test file ends.
 */
export function tapReader (onFile = () => {}) {
  const totals = { passed: 0, failed: 0, skipped: 0, todo: 0 }
  const failures = []
  const skips = []
  const names = [] // the subtests that are open, outermost first: the one at depth d ends with a point at depth d
  const before = [] // the totals as each of them began
  const levels = [{ points: 0 }] // what was seen at each depth, and what its plan announced
  let kept = true // every plan so far
  let ended = false
  let latest // the failure that an explanation right below it belongs to
  let block // the explanation that is being read

  return { line, result: () => ({ ...totals, failures, skips, whole: ended && kept && levels[0].points === levels[0].plan, open: names[0] }) }

  function line (text) {
    if (block !== undefined) return explanation(text)
    const indent = text.length - text.trimStart().length
    const depth = Math.floor(indent / 4)
    const words = text.trim()
    if (words === '---' && indent % 4 === 2) {
      block = { indent, lines: [] }
    } else if (words.startsWith('# Subtest: ')) {
      names.length = before.length = depth
      names[depth] = words.slice('# Subtest: '.length)
      before[depth] = { ...totals }
      levels[depth + 1] = { points: 0 }
    } else if (/^1\.\.\d+\b/.test(words)) {
      levels[depth] = { ...levels[depth], plan: Number.parseInt(words.slice('1..'.length), 10) }
    } else if (words.startsWith('# { total: ') && depth === 0) {
      // Its numbers are not taken: an assertion with an escaped # in its name counts there twice.
      ended = true
    } else if (words.startsWith('Bail out!')) {
      totals.failed += 1
      fail({ path: [...names], name: words, lines: [] })
    } else {
      point(words, depth)
    }
  }

  function point (words, depth) {
    const found = /^(not )?ok\b(?: \d+)?(?: - )?(.*)$/.exec(words)
    if (found === null) return
    const ok = found[1] === undefined
    const [, name = '', directive = '', reason = ''] = /^(.*?)(?:(?<!\\)# (skip|todo|time=)\b\s*(.*))?$/i.exec(found[2]) ?? []
    const path = names.slice(0, depth)
    const then = names.length === depth + 1 ? before[depth] : undefined
    names.length = before.length = depth
    latest = undefined
    levels[depth].points += 1
    if (then !== undefined && levels[depth + 1].points !== levels[depth + 1].plan) kept = false
    // A subtest without assertions counts as one; a bad end without a failure (exit, plan) is a failure.
    if (then === undefined || counted(then) === counted(totals) || (!ok && then.failed === totals.failed)) {
      count({ path, name: name.trim(), reason }, ok, directive.toLowerCase())
    }
    if (then === undefined || depth > 0) return
    onFile({ name: name.trim(), ok, passed: totals.passed - then.passed, failed: totals.failed - then.failed, skipped: totals.skipped - then.skipped, seconds: secondsOf(directive + reason) })
  }

  function count ({ path, name, reason }, ok, directive) {
    if (directive === 'skip') {
      totals.skipped += 1
      skips.push({ path, name, reason })
    } else if (directive === 'todo') {
      totals.todo += 1
      fail({ path, name: `${name} (todo)`, lines: [] })
    } else if (ok) {
      totals.passed += 1
    } else {
      totals.failed += 1
      fail({ path, name, lines: [] })
    }
  }

  function fail (failure) {
    failures.push(failure)
    latest = failure
  }

  function explanation (text) {
    const words = text.trim()
    if (words === '...' && text.length - text.trimStart().length === block.indent) {
      if (latest !== undefined) latest.lines = block.lines
      latest = undefined
      block = undefined
    } else {
      block.lines.push(text.slice(block.indent))
    }
  }
}

// `time=1234.5ms`, as tap writes it; undefined where it is not there.
function secondsOf (text) {
  const ms = /^time=([\d.]+)ms/.exec(text)?.[1]
  return ms === undefined ? undefined : Number(ms) / 1000
}

function counted ({ passed, failed, skipped, todo }) {
  return passed + failed + skipped + todo
}
