import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { onOneLine } from '../../src/commands/terminal-text.ts'
import { clock } from './words.ts'

/** Text that comes from elsewhere: what would turn its direction, or not be seen, is written out, and it keeps to itself. */
export function Said ({ children }: { readonly children: string }) {
  return <bdi>{onOneLine(children)}</bdi>
}

/** @param at ms since the epoch, or RFC 3339 */
export function Time ({ at }: { readonly at: number | string }) {
  const time = new Date(at)
  const full = time.toISOString()
  return <time dateTime={full} title={full}>{clock(time)}</time>
}

/** How something stands, told by a word and by a colour. */
export type Standing = 'good' | 'warning' | 'bad' | 'neutral'

export function Badge ({ standing, children }: { readonly standing: Standing, readonly children: ComponentChildren }) {
  return <span class={`badge ${standing}`}>{children}</span>
}

export function Section ({ id, title, about, children }: { readonly id: string, readonly title: string, readonly about?: ComponentChildren, readonly children: ComponentChildren }) {
  return (
    <section id={id} aria-labelledby={`${id}-title`} tabIndex={-1}>
      <h2 id={`${id}-title`}>{title}</h2>
      {about !== undefined && <p class='about'>{about}</p>}
      {children}
    </section>
  )
}

export interface Column<Row> {
  readonly title: string
  /** a number, set to the right */
  readonly isNumber?: boolean
  /** what a row is known by */
  readonly isName?: boolean
  readonly cell: (row: Row) => ComponentChildren
}

/** A table; where there is no room, each row is a card. The roles are said, for a browser that lays a table out otherwise forgets that it is one. */
export function Table<Row> ({ caption, columns, rows, keyOf, empty }: { readonly caption: string, readonly columns: ReadonlyArray<Column<Row>>, readonly rows: readonly Row[], readonly keyOf: (row: Row) => string, readonly empty: string }) {
  const id = useId()
  if (rows.length === 0) return <p class='empty'>{empty}</p>
  return (
    <div class='table-box'>
      <table aria-labelledby={id} role='table'>
        <caption id={id} class='unseen'>{caption}</caption>
        <thead role='rowgroup'>
          <tr role='row'>{columns.map(({ title, isNumber }) => <th key={title} scope='col' role='columnheader' class={isNumber === true ? 'number' : undefined}>{title}</th>)}</tr>
        </thead>
        <tbody role='rowgroup'>
          {rows.map(row => (
            <tr key={keyOf(row)} role='row'>
              {columns.map(({ title, isNumber, isName, cell }) => isName === true
                ? <th key={title} scope='row' role='rowheader' data-title={title}><div>{cell(row)}</div></th>
                : <td key={title} role='cell' data-title={title} class={isNumber === true ? 'number' : undefined}><div>{cell(row)}</div></td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
