/** Steps of the token colour scale on each side of its centre. */
export const COLOUR_STEPS = 8;

/**
 * Colours of the page and its charts, light and dark. The hues follow Okabe and Ito (2008); blue
 * against orange is the one diverging pair that every common kind of colour blindness keeps apart.
 */
const PALETTE_CSS = `
:root { color-scheme: light dark;
  --paper: #fffefb; --panel: #f6f4ee; --ink: #1d1d1b; --muted: #65635c; --rule: #dedad0;
  --blue: #0a69ad; --sky: #3f9fd0; --green: #00805d; --amber: #c98700; --orange: #cc5500; --pink: #b4568f; --grey: #8b8982;
  --high: 10, 105, 173; --low: 213, 94, 0; --strength: 0.55; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #171716; --panel: #21211f; --ink: #ecebe6; --muted: #a5a298; --rule: #3a3935;
  --blue: #5cb0ee; --sky: #8fd0f5; --green: #3fc79b; --amber: #ecb23e; --orange: #f58a3c; --pink: #e19ac6; --grey: #95938b;
  --high: 60, 150, 225; --low: 235, 120, 30; --strength: 0.62; } }
`;

const PAGE_CSS = `
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.6 Charter, "Bitstream Charter", "Iowan Old Style", "Source Serif 4", Georgia, serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.5rem 5rem; }
main > header { margin-bottom: 2.5rem; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: .5rem; top: .5rem; background: var(--paper); padding: .4rem .8rem; z-index: 3; }
nav { position: sticky; top: 0; z-index: 2; background: var(--paper); border-bottom: 1px solid var(--rule); }
nav ul { display: flex; gap: .1rem 1.2rem; overflow-x: auto; margin: 0 auto; padding: .5rem 1.5rem; max-width: 60rem; list-style: none; font-size: .82rem; scrollbar-width: none; }
nav li { white-space: nowrap; flex: none; } nav a { color: var(--muted); text-decoration: none; } nav a:hover, nav a:focus { color: var(--ink); text-decoration: underline; }
section { scroll-margin-top: 2.5rem; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.35rem; margin: 3.2rem 0 .4rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .3rem; }
p { max-width: 44rem; margin: .5rem 0 1rem; }
.lede { font-size: 1.15rem; line-height: 1.55; }
.quiet, figcaption, .ci, dt { color: var(--muted); }
table, dl, figure, .sans, nav, summary, .legend { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .87rem; line-height: 1.35; font-variant-numeric: tabular-nums lining-nums; min-width: 100%; }
th { font-weight: 600; text-align: left; border-bottom: 1.5px solid var(--ink); padding: .4rem .7rem; vertical-align: bottom; white-space: nowrap; }
td { border-bottom: 1px solid var(--rule); padding: .45rem .7rem; white-space: nowrap; vertical-align: middle; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
.right { text-align: right; }
td .ci { display: block; font-size: .78rem; }
tr.strong td { font-weight: 600; } tr.strong .ci { font-weight: 400; }
figure { margin: 1.2rem 0; }
figcaption { font-size: .82rem; line-height: 1.45; margin-top: .3rem; max-width: 44rem; }
svg { display: block; max-width: 100%; height: auto; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: .4rem 1rem; }
.curves figure { margin: .4rem 0; } .curves figcaption { order: -1; color: var(--ink); font-weight: 600; margin: 0 0 .2rem; }
.curves figure { display: flex; flex-direction: column; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; font-size: .87rem; margin: 1rem 0; }
dl.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
dl.glossary { font-size: .9rem; display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .45rem 1.2rem; }
dl.glossary dt { color: var(--ink); font-weight: 600; } dl.glossary dd { margin: 0; color: var(--muted); }
details { margin: .8rem 0; } summary { cursor: pointer; font-size: .87rem; color: var(--muted); }
pre { background: var(--panel); border-radius: 6px; padding: .9rem 1rem; overflow-x: auto; font: .8rem/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
ul.notes { padding-left: 1.2rem; max-width: 44rem; } ul.notes li { margin: .35rem 0; }
.left { text-align: left; }
th[scope=row] { font-weight: 400; border-bottom: 1px solid var(--rule); vertical-align: middle; } tr.strong th[scope=row] { font-weight: 600; }
caption { text-align: left; color: var(--muted); font-size: .82rem; padding-bottom: .4rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 1.5rem; align-items: start; }
.frame { min-width: 0; cursor: crosshair; border-radius: 4px; touch-action: pan-y; } .frame svg { max-width: none; }
.frame text { font: 11px system-ui, sans-serif; fill: var(--muted); }
.grid { stroke: var(--rule); } .axis { stroke: var(--muted); } .pointer { stroke: var(--ink); stroke-dasharray: 2 2; } .selection { fill: var(--blue); opacity: .15; }
.readout { min-height: 1.4em; margin: .2rem 0 0; max-width: none; font: .8rem/1.4 system-ui, sans-serif; color: var(--ink); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.keys { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; padding: 0; margin: 0 0 .3rem; font: .8rem/1.5 system-ui, sans-serif; }
.keys li { display: inline-flex; align-items: center; gap: .4rem; overflow-wrap: anywhere; } .keys svg { flex: none; }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.2rem; max-width: none; margin: .8rem 0; font: .85rem/1.5 system-ui, sans-serif; }
.controls fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: .2rem 1rem; min-width: 0; } .controls legend { float: left; padding: 0 1rem 0 0; color: var(--muted); }
.controls label { display: inline-flex; align-items: center; flex-wrap: wrap; gap: .35rem; color: var(--muted); min-width: 0; max-width: 100%; }
.controls input[type=range] { accent-color: var(--blue); width: 9rem; } .controls input[type=checkbox] { accent-color: var(--blue); width: 1rem; height: 1rem; margin: 0; }
button, select, input[type=search], input[type=number] { font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: .25rem .6rem; min-height: 2rem; max-width: 100%; }
button { cursor: pointer; } button:hover { border-color: var(--muted); } .bound { width: 5rem; } output { font-variant-numeric: tabular-nums; min-width: 2.5em; color: var(--ink); }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1.6rem; max-width: none; font-size: .82rem; color: var(--muted); margin: .6rem 0; }
.legend .scale { display: inline-flex; align-items: center; gap: .55rem; white-space: nowrap; }
.legend .ramp { display: inline-flex; border: 1px solid var(--rule); border-radius: 3px; overflow: hidden; }
.legend .ramp i { width: .7rem; height: 1rem; }
.count { font: .82rem/1.5 system-ui, sans-serif; color: var(--muted); margin: .3rem 0; }
.panes { display: grid; grid-template-columns: minmax(0, 18rem) minmax(0, 1fr); gap: 1rem; align-items: start; }
.list { position: relative; height: 34rem; overflow-y: auto; border: 1px solid var(--rule); border-radius: 6px; font: .82rem/1.4 system-ui, sans-serif; overscroll-behavior: contain; }
.rows { position: relative; } .row { position: absolute; left: 0; right: 0; height: 54px; padding: .45rem .7rem; border-bottom: 1px solid var(--rule); cursor: pointer; overflow: hidden; }
.row:hover { background: var(--panel); } .row.chosen { background: var(--panel); box-shadow: inset 3px 0 var(--blue); }
.line { display: flex; gap: .7rem; font-variant-numeric: tabular-nums; white-space: nowrap; } .line .number { font-weight: 600; } .line .quiet { margin-left: auto; overflow: hidden; text-overflow: ellipsis; }
.snippet { display: block; color: var(--muted); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.right-answer { color: var(--blue); font-weight: 600; } .wrong-answer { color: var(--orange); font-weight: 600; }
.detail { min-width: 0; } .detail > p { margin: 1rem 0; }
.prompt { background: var(--panel); padding: .7rem .9rem; max-height: 14rem; overflow: auto; font: .84rem/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.trace { border: 1px solid var(--rule); border-radius: 6px; overflow: hidden; } .trace > p { padding: 0 .9rem; margin: .5rem 0; max-width: none; font: .82rem/1.5 system-ui, sans-serif; }
.trace header { padding: .5rem .9rem; display: flex; flex-wrap: wrap; align-items: center; gap: .1rem 1rem; font: .82rem/1.6 system-ui, sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; } .trace header button { margin-left: auto; }
.trace header b { font-weight: 600; }
.tokens { padding: .7rem .9rem; max-height: 30rem; overflow: auto; font: .86rem/1.9 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.tokens span { border-radius: 2px; padding: .12em 0; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
.tokens .current { outline: 2px solid var(--ink); outline-offset: 0; } .fall { box-shadow: 0 0 0 2px var(--orange); }
.tokens .forced, u { text-decoration: underline dotted 1.5px; text-underline-offset: .28em; }
footer { margin-top: 4rem; color: var(--muted); font-size: .85rem; }
@media (max-width: 44rem) { body { font-size: 16px; } main { padding: 1.5rem 1rem 4rem; } nav ul { padding: .5rem 1rem; } h1 { font-size: 1.6rem; }
  .panes { grid-template-columns: minmax(0, 1fr); } .list { height: 15rem; } dl.facts, dl.glossary { grid-template-columns: minmax(0, 1fr); gap: 0 0; } dl dd { padding-bottom: .5rem; }
  .controls label { flex: 1 1 100%; flex-wrap: nowrap; white-space: nowrap; } .controls label:has(.bound) { flex: 0 1 auto; } .controls select, .controls input[type=search] { flex: 1; min-width: 0; }
  .controls label:has([type=range]) { flex-wrap: wrap; white-space: normal; }
  .controls .runs label { white-space: normal; overflow-wrap: anywhere; } .legend .ramp i { width: .5rem; } }
@media (min-width: 64rem) { nav ul { flex-wrap: wrap; overflow-x: visible; } }
@media print { nav { display: none; } main { max-width: none; padding: 0; } h2 { break-after: avoid; } figure, .trace { break-inside: avoid; } }
`;

/** The page's one stylesheet. */
export function styleSheet(): string {
  const steps = Array.from({ length: COLOUR_STEPS }, (_, i) => i + 1);
  const scale = steps.flatMap((step) =>
    (['high', 'low'] as const).map(
      (side) => `.${side}${step} { background: rgba(var(--${side}), calc(var(--strength) * ${step / COLOUR_STEPS})); }`,
    ),
  );
  return PALETTE_CSS + PAGE_CSS + scale.join('\n');
}
