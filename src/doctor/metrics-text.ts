/** One line of Prometheus' text format. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** Reads Prometheus' text format, as the gateway writes it; what is no sample is left out. */
export function readSamples (text: string): Sample[] {
  return text.split('\n').flatMap(line => {
    const [, name, labels = '', value = ''] = LINE.exec(line) ?? []
    if (name === undefined) return []
    return [{ name, labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key = '', written = '']) => [key, unescape(written)])), value: Number(value) }]
  })
}

function unescape (written: string): string {
  return written.replace(/\\(.)/g, (_whole, letter: string) => letter === 'n' ? '\n' : letter)
}
