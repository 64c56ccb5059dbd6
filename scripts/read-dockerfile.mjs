// Reads the Dockerfile into stages, so that check-image.mjs can run its steps. It knows the
// instructions that are used there, and throws on any other: a step is never passed over silently.

/**
 * A list of stages, each `{ image, name, steps, env, labels, user, entrypoint, command, healthcheck, ports }`;
 * `steps` are `{ workdir }`, `{ copy: { from, sources, target } }` and `{ run }` in their order.
 */
export function readDockerfile (text) {
  const stages = []
  for (const line of instructions(text)) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/s.exec(line) ?? []
    if (word === 'FROM') {
      const [, image, name] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(rest) ?? []
      if (image === undefined) throw new Error(`not understood: ${line}`)
      stages.push({ image, name, steps: [], env: {}, labels: {}, ports: [] })
      continue
    }
    const stage = stages.at(-1)
    const read = READERS[word]
    if (stage === undefined || read === undefined) throw new Error(`not understood: ${line}`)
    read(stage, rest)
  }
  return stages
}

const READERS = {
  WORKDIR: (stage, rest) => stage.steps.push({ workdir: rest }),
  RUN: (stage, rest) => stage.steps.push({ run: rest }),
  COPY: (stage, rest) => {
    const words = rest.split(/\s+/)
    const from = words[0].startsWith('--from=') ? words.shift().slice('--from='.length) : undefined
    if (words.some(word => /^--|[*?[$]/.test(word))) throw new Error(`not understood: COPY ${rest}`)
    stage.steps.push({ copy: { from, sources: words.slice(0, -1), target: words.at(-1) } })
  },
  ENV: (stage, rest) => Object.assign(stage.env, pairs(rest)),
  LABEL: (stage, rest) => Object.assign(stage.labels, pairs(rest)),
  USER: (stage, rest) => { stage.user = rest },
  EXPOSE: (stage, rest) => { stage.ports = rest.split(/\s+/).map(Number) },
  HEALTHCHECK: (stage, rest) => { stage.healthcheck = JSON.parse(rest.slice(rest.indexOf('CMD') + 'CMD'.length)) },
  ENTRYPOINT: (stage, rest) => { stage.entrypoint = JSON.parse(rest) },
  CMD: (stage, rest) => { stage.command = JSON.parse(rest) }
}

function instructions (text) {
  return text.replace(/^\s*#.*\n/gm, '').replace(/\\\n\s*/g, ' ').split('\n').map(line => line.trim()).filter(line => line !== '')
}

function pairs (text) {
  return Object.fromEntries([...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map(([, name, quoted, plain]) => [name, quoted ?? plain]))
}

/** The names at the top of the build context; the file must be an allow-list: `*`, then `!name` lines. */
export function readDockerignore (text) {
  const [first, ...names] = text.split('\n').map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'))
  if (first !== '*' || names.some(name => !/^![\w.-]+$/.test(name))) throw new Error('.dockerignore: an allow-list was expected, * and then !name lines')
  return names.map(name => name.slice(1))
}
