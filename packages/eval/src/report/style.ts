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
main { max-width: 60rem; margin: 0 auto; padding: 3.5rem 1.5rem 5rem; }
header { margin-bottom: 2.5rem; }
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
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .4rem 1rem; }
.curves figure { margin: .4rem 0; } .curves figcaption { order: -1; color: var(--ink); font-weight: 600; margin: 0 0 .2rem; }
.curves figure { display: flex; flex-direction: column; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; font-size: .87rem; margin: 1rem 0; }
dl.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
dl.glossary { font-size: .9rem; display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .45rem 1.2rem; }
dl.glossary dt { color: var(--ink); font-weight: 600; } dl.glossary dd { margin: 0; color: var(--muted); }
details { margin: .8rem 0; } summary { cursor: pointer; font-size: .87rem; color: var(--muted); }
pre { background: var(--panel); border-radius: 6px; padding: .9rem 1rem; overflow-x: auto; font: .8rem/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
ul.notes { padding-left: 1.2rem; max-width: 44rem; } ul.notes li { margin: .35rem 0; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1.6rem; font-size: .82rem; color: var(--muted); margin: .8rem 0 1.2rem; }
.legend .scale { display: inline-flex; align-items: center; gap: .55rem; }
.legend .ramp { display: inline-flex; border: 1px solid var(--rule); border-radius: 3px; overflow: hidden; }
.legend .ramp i { width: .8rem; height: 1rem; }
.prompt { background: var(--panel); border-radius: 6px; padding: .6rem .9rem; margin: 1.6rem 0 .6rem; font: .85rem/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 1rem; align-items: start; }
.trace { border: 1px solid var(--rule); border-radius: 6px; overflow: hidden; }
.trace header { margin: 0; padding: .5rem .9rem; border-bottom: 1px solid var(--rule); display: flex; flex-wrap: wrap; gap: .1rem 1rem; font: .82rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.verdict { font-weight: 650; } .verdict.right { color: var(--blue); } .verdict.wrong { color: var(--orange); }
.tokens { padding: .7rem .9rem; font: .84rem/1.9 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.tokens span { border-radius: 2px; padding: .12em 0; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
u { text-decoration: underline dotted 1.5px; text-underline-offset: .28em; }
footer { margin-top: 4rem; color: var(--muted); font-size: .85rem; }
@media print { main { max-width: none; padding: 0; } h2 { break-after: avoid; } figure, .trace { break-inside: avoid; } }
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
