/** The one style sheet of the demo's pages; light and dark by what the reader's system prefers. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f5f3ee; --card: #ffffff; --ink: #1c2430; --muted: #58616f; --line: #dcd7cb; --sunk: #f3f1ec;
  --action: #1d3a5f; --on-action: #ffffff; --focus: #b26a00;
  --user: #0a55a3; --id: #6d28d9; --saas: #0b6b63; --machine: #8f5200; --none: #58616f;
  --good: #17693a; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11151c; --card: #191f29; --ink: #e9e6de; --muted: #a5adba; --line: #2f3746; --sunk: #131820;
    --action: #e0b255; --on-action: #1b1405; --focus: #ffd27a;
    --user: #86baff; --id: #c6a8ff; --saas: #63d4c6; --machine: #f0b860; --none: #a5adba;
    --good: #6fd397; --bad: #ff9d94;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main, .top { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
main { padding-bottom: 4rem; }
.top { display: flex; align-items: center; justify-content: space-between; gap: 1rem; min-height: 4.25rem; }
.brand { color: inherit; font-weight: 700; text-decoration: none; letter-spacing: -0.01em; }
.brand, .account > * { white-space: nowrap; }
.unseen { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; white-space: nowrap; }
.brand span { color: var(--machine); }
.account { display: flex; align-items: center; gap: .75rem; }
h1 { font-size: 1.6rem; line-height: 1.25; letter-spacing: -0.02em; margin: 0 0 .75rem; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 0 0 .4rem; letter-spacing: -0.01em; }
h2 code, h2 .status { font-size: .9rem; margin-left: .35rem; }
h3 { font-size: .8rem; text-transform: uppercase; letter-spacing: .07em; color: var(--muted); margin: 0 0 .6rem; }
h4 { font-size: .85rem; margin: .9rem 0 .25rem; }
p { margin: 0 0 .75rem; }
.muted { color: var(--muted); font-size: .925rem; }
code, pre { font: .875em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace; overflow-wrap: anywhere; }
pre { background: var(--sunk); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: .5rem 0 0; overflow: auto; max-height: 22rem; white-space: pre-wrap; }
a { color: var(--user); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }

.card { background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: 1.25rem 1.4rem; margin: 0 0 1.25rem; }
.card > :last-child, .facts p:last-child { margin-bottom: 0; }
.hint p { max-width: 56rem; line-height: 1.75; }
.card.welcome { padding: 2rem 2.2rem; }
.columns { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 1.25rem; align-items: start; }
.facts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1.75rem; margin-top: 1.25rem; }
.facts > div + div { border-left: 1px solid var(--line); padding-left: 1.75rem; }

label { display: block; font-weight: 600; font-size: .9rem; margin: .75rem 0 .25rem; }
input { width: 100%; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--none); border-radius: .5rem; padding: .5rem .7rem; }
button, .button { display: inline-block; font: inherit; font-weight: 600; border: 1px solid transparent; border-radius: .55rem; padding: .55rem 1.1rem; background: var(--action); color: var(--on-action); cursor: pointer; text-decoration: none; }
form > button:not(.quiet, .lesson) { margin-top: 1.1rem; }
button:hover, .button:hover { filter: brightness(1.12); }
.quiet { background: transparent; color: inherit; border-color: var(--line); padding: .35rem .8rem; font-weight: 500; }
.lessons, .addresses { list-style: none; margin: 0; padding: 0; }
.lessons li + li { margin-top: .6rem; }
.lesson { width: 100%; text-align: left; background: var(--sunk); color: inherit; border-color: var(--line); padding: .65rem .9rem; font-weight: 400; }
.lesson b { display: block; }
.lesson > span { display: flex; flex-wrap: wrap; gap: .2rem .6rem; align-items: center; margin-top: .25rem; }
.lesson:hover { border-color: var(--muted); filter: none; }
.addresses li { display: flex; gap: .9rem; align-items: center; padding: .65rem 0; border-top: 1px solid var(--line); }
.addresses li:first-child { border-top: 0; }
.number { flex: none; min-width: 2rem; text-align: center; color: var(--muted); font-variant-numeric: tabular-nums; background: var(--sunk); border: 1px solid var(--line); border-radius: .4rem; padding: .1rem .3rem; }
.verified { margin-left: auto; flex: none; color: var(--good); font-size: .875rem; font-weight: 600; }

.token { --tone: var(--none); display: inline-block; font-size: .8125rem; font-weight: 600; line-height: 1.4; color: var(--tone); background: color-mix(in srgb, var(--tone) 11%, transparent); border: 1px solid color-mix(in srgb, var(--tone) 45%, transparent); border-radius: 1rem; padding: .05rem .6rem; }
.token.user { --tone: var(--user); } .token.id { --tone: var(--id); } .token.saas, .token.readonly { --tone: var(--saas); } .token.machine { --tone: var(--machine); }
.status { font-weight: 700; font-variant-numeric: tabular-nums; border-radius: .4rem; padding: .05rem .45rem; border: 1px solid currentColor; font-size: .85rem; }
.good { color: var(--good); } .bad { color: var(--bad); }
.detail { font-weight: 600; }
.alert { color: var(--bad); border-left: 3px solid currentColor; padding-left: .75rem; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem .9rem; margin: 0 0 .75rem; font-size: .925rem; }
dt { color: var(--muted); font-family: ui-monospace, "DejaVu Sans Mono", Menlo, monospace; font-size: .8125rem; padding-top: .1rem; }
dd { margin: 0; }
dd .muted { display: block; font-size: .85rem; }
details { margin-top: .6rem; }
summary { cursor: pointer; color: var(--muted); font-size: .9rem; }

.journey { list-style: none; display: flex; align-items: stretch; margin: 1.1rem 0; padding: 0; }
.stop { flex: none; display: flex; flex-direction: column; justify-content: center; text-align: center; background: var(--sunk); border: 1px solid var(--line); border-radius: .7rem; padding: .55rem 1rem; }
.stop span { font-size: .85rem; color: var(--muted); }
.stop.passed { border-color: var(--good); } .stop.passed span { color: var(--good); }
.stop.refused { border-color: var(--bad); } .stop.refused span { color: var(--bad); }
.stop.silent { border-style: dashed; } .stop.silent b { color: var(--muted); }
.hop { flex: 1 1 6rem; display: flex; align-items: center; justify-content: center; text-align: center; position: relative; padding: 0 1.25rem 0 .75rem; min-height: 3.6rem; }
.hop::before { content: ""; position: absolute; left: .4rem; right: .7rem; top: 50%; border-top: 2px solid var(--line); }
.hop::after { content: ""; position: absolute; right: .55rem; top: 50%; width: .5rem; height: .5rem; border: solid var(--muted); border-width: 2px 2px 0 0; transform: translateY(-50%) rotate(45deg) translate(-1px, 1px); }
.hop.cut::before { border-top-style: dashed; } .hop.cut::after { border-color: var(--line); }
.hop .token { position: relative; background: color-mix(in srgb, var(--tone) 11%, var(--card)); }

.login { max-width: 30rem; padding-top: 8vh; }
.login button { width: 100%; }
.people { width: 100%; border-collapse: collapse; margin-top: 1.5rem; font-size: .925rem; }
.people caption { text-align: left; color: var(--muted); padding-bottom: .3rem; }
.people th { text-align: left; font-weight: 600; font-size: .8125rem; color: var(--muted); }
.people th, .people td { border-top: 1px solid var(--line); padding: .4rem .5rem .4rem 0; }

@media (max-width: 56rem) {
  .columns, .facts { grid-template-columns: minmax(0, 1fr); }
  .facts > div + div { border-left: 0; padding-left: 0; border-top: 1px solid var(--line); padding-top: 1.25rem; }
  main, .top { padding-inline: 1rem; }
  .account { gap: .6rem; font-size: .925rem; }
  .card, .card.welcome { padding: 1.1rem 1.2rem; }
  .journey { flex-direction: column; }
  .hop { flex: none; min-height: 3.4rem; }
  .hop::before { left: 50%; right: auto; top: .2rem; bottom: .5rem; border-top: 0; border-left: 2px solid var(--line); }
  .hop::after { right: auto; left: calc(50% - .2rem); top: auto; bottom: .45rem; transform: rotate(135deg); }
  .hop.cut::before { border-left-style: dashed; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
`
