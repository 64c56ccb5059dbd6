import { useEffect, useRef, useState } from 'preact/hooks'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface Line {
  readonly label: string
  /** name of a custom property of the style sheet */
  readonly color: string
  /** px of stroke and gap: lines are told apart without their colours, too */
  readonly dash: readonly number[]
  readonly values: ReadonlyArray<number | null>
}

interface ChartProps {
  readonly title: string
  /** ms since the epoch */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  /** a value in words */
  readonly text: (value: number | undefined) => string
}

const HEIGHT = 190

/** Lines over time. What it shows at the moment under the pointer, or at the last one, stands below in words. */
export function Chart ({ title, times, lines, text }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | undefined>(undefined)
  const scheme = useScheme()
  const [pointed, setPointed] = useState<number | undefined>(undefined)
  const textNow = useRef(text)
  textNow.current = text

  useEffect(() => {
    const place = box.current
    if (place === null) return
    const made = new UPlot(optionsOf(place, lines, value => textNow.current(value), setPointed), dataOf(times, lines), place)
    plot.current = made
    const resized = new ResizeObserver(() => { made.setSize({ width: place.clientWidth, height: HEIGHT }) })
    resized.observe(place)
    return () => {
      resized.disconnect()
      made.destroy()
    }
  }, [scheme])

  useEffect(() => { plot.current?.setData(dataOf(times, lines)) }, [times, lines])

  const at = pointed ?? times.length - 1
  const told = lines.map(({ label, values }) => `${label} ${text(values[at] ?? undefined)}`).join(', ')
  return (
    <figure class='chart'>
      <figcaption>
        <h3>{title}</h3>
        <ul class='legend'>
          {lines.map(({ label, color, dash, values }) => (
            <li key={label}>
              <svg width='22' height='8' aria-hidden='true'><line x1='1' y1='4' x2='21' y2='4' class={`stroke-${color}`} stroke-width='2.5' stroke-dasharray={dash.join(' ')} /></svg>
              {label} <b>{text(values[at] ?? undefined)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={box} class='plot' role='img' aria-label={`${title}, the last ten minutes; now ${told}`} />
    </figure>
  )
}

function dataOf (times: readonly number[], lines: readonly Line[]): UPlot.AlignedData {
  return [times.map(time => time / 1000), ...lines.map(({ values }) => [...values])]
}

function optionsOf (place: HTMLElement, lines: readonly Line[], text: (value: number) => string, point: (at: number | undefined) => void): UPlot.Options {
  const style = getComputedStyle(place)
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis = { stroke: color('muted'), font: `12px ${style.fontFamily}`, grid: { stroke: color('line'), width: 1 }, ticks: { show: false } }
  return {
    width: place.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 6 } },
    scales: { y: { range: (_plot, _low, high) => [0, Number.isFinite(high) && high > 0 ? high * 1.08 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, values: (_plot, times) => times.map(time => new Date(time * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })), incrs: [60, 120, 300], space: 60, size: 26 },
      { ...axis, values: (_plot, values) => values.map(text), size: 58, space: 34 }
    ],
    series: [{}, ...lines.map(({ label, color: name, dash }) => ({ label, stroke: color(name), width: 2, dash: [...dash], points: { show: false }, spanGaps: false }))],
    hooks: { setCursor: [({ cursor: { idx } }) => { point(idx ?? undefined) }] }
  }
}

// The lines are drawn in the colours of the scheme: another one draws them anew.
function useScheme (): boolean {
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)')
    const changed = (): void => { setDark(query.matches) }
    query.addEventListener('change', changed)
    return () => { query.removeEventListener('change', changed) }
  }, [])
  return dark
}
