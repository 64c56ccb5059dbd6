/** A piece of HTML that is safe to put into a page as it is. Only `html` makes one. */
export class Html {
  readonly text: string
  constructor (text: string) { this.text = text }
}

export type HtmlValue = Html | string | number | false | undefined | readonly HtmlValue[]

/**
 * A template tag: what is put in is escaped, unless `html` made it; lists are joined, `false` and `undefined` vanish.
 * Attribute values must be quoted in the template.
 */
export function html (strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.reduce((page, part, index) => page + render(values[index - 1]) + part))
}

/** Title and content to a whole document. The style sheet is at /style.css of the same site. */
export function document (title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:,">
</head>
<body>${body}</body>
</html>
`.text
}

/** Headers of every page: nothing runs, nothing is loaded from elsewhere, nothing frames it, nothing keeps it. */
export function pageHeaders (formTargets: readonly string[] = []): Record<string, string> {
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': [
      "default-src 'none'", "style-src 'self'", 'img-src data:', "base-uri 'none'", "frame-ancestors 'none'",
      ['form-action', "'self'", ...formTargets].join(' ')
    ].join('; '),
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff'
  }
}

function render (value: HtmlValue): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  return value.map(render).join('')
}
