import { styleText } from 'node:util'

export type Paint = Readonly<Record<'bold' | 'dim' | 'good' | 'bad' | 'link', (text: string) => string>>

/** Colours for a terminal, or none: not a terminal, NO_COLOR, or the option --no-color. */
export function paint (stream: NodeJS.WriteStream, wanted: boolean): Paint {
  const on = wanted && stream.isTTY && stream.hasColors()
  const as = (style: Parameters<typeof styleText>[0]) => (text: string) => on ? styleText(style, text) : text
  return { bold: as('bold'), dim: as('dim'), good: as('green'), bad: as('red'), link: as('cyan') }
}
