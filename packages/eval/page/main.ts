import type { PageData } from '../src/report/page-data.ts';
import { Blocks } from './blocks.ts';
import { BrowserView, newBrowserState } from './browser-view.ts';
import { showConfusion } from './confusion-view.ts';
import { newCurveState, showCurves } from './curves-view.ts';
import { follow } from './follow.ts';
import { unpack } from './packed.ts';
import { PlotView } from './plot-view.ts';

const curveState = newCurveState();
const browserState = newBrowserState();
let browser: BrowserView | undefined;

/** Draws all that is in the document; called again when newer data have come into it. */
async function draw(): Promise<void> {
  const text = new TextDecoder().decode(await unpack(document.getElementById('page-data')?.textContent ?? ''));
  const data = JSON.parse(text) as PageData;
  for (const host of document.querySelectorAll<HTMLElement>('[data-plot]')) {
    const plot = data.plots[host.dataset.plot ?? ''];
    if (plot !== undefined) new PlotView(host, plot, { height: 260, hasLegend: true });
  }
  const [confusion, controls, charts, list] = ['confusion', 'curve-controls', 'curve-charts', 'browser'].map((id) =>
    document.getElementById(id),
  );
  if (confusion) showConfusion(confusion, data.confusions);
  if (controls && charts) showCurves(controls, charts, data.stages, data.completions.runs, curveState);
  browser = undefined;
  if (list) {
    const texts = [...document.querySelectorAll('[data-block]')].map((block) => block.textContent ?? '');
    browser = new BrowserView(list, data.completions, new Blocks(texts, data.completions), browserState);
  }
  document.documentElement.dataset.drawn = String(Math.round(performance.now()));
}

document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof Element && event.target.closest('input, select, textarea') !== null;
  if (!isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) browser?.key(event);
});

void draw().then(() => {
  if (document.body.hasAttribute('data-live')) follow(draw);
});
