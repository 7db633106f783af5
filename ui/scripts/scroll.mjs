// Scrolls through 100,000 messages and measures how long script holds each frame: `node scripts/scroll.mjs [--budget MS]`.
// Prints {"scroll_script_max_ms", "p99", "frames", "rows"}; exits with 1 when a frame takes more than the budget. Needs chromium (or CHROMIUM=/path).
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openMock } from './browser.mjs';

/** Trace events that are script, and what it makes the browser do meanwhile. */
const SCRIPT = new Set(['FunctionCall', 'RunMicrotasks', 'FireAnimationFrame', 'EventDispatch', 'v8.callFunction']);

const { values: options } = parseArgs({ options: { budget: { type: 'string', default: '32' } } });
process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const { browser, address, stop } = await openMock();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${address}?mock=room-huge&theme=dark`);
  await page.locator('[data-testid=message]').first().waitFor({ timeout: 60_000 });
  await page.waitForTimeout(2_000);
  await browser.startTracing(page, {
    categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'toplevel'],
  });
  const rows = await page.evaluate(scroll);
  const trace = JSON.parse((await browser.stopTracing()).toString());
  const times = scriptPerFrame(trace.traceEvents).sort((a, b) => a - b);
  const max = times.at(-1) ?? 0;
  const round = (value) => Math.round(value * 100) / 100;
  console.log(
    JSON.stringify({
      scroll_script_max_ms: round(max),
      p99: round(times[Math.floor(times.length * 0.99)] ?? 0),
      p50: round(times[times.length >> 1] ?? 0),
      frames: times.length,
      rows,
    }),
  );
  if (times.length < 300) throw new Error(`only ${times.length} frames were measured`);
  process.exitCode = max < Number(options.budget) ? 0 : 1;
} finally {
  await stop();
}

/** In the page: reads, flicks and drags through the whole talk, a step in each frame. Returns how many different rows were drawn. */
async function scroll() {
  const timeline = document.querySelector('[data-testid=timeline]');
  const seen = new Set();
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const look = () => {
    for (const row of timeline.querySelectorAll('[data-key]')) seen.add(row.dataset.key);
  };
  const run = async (frames, step) => {
    for (let turn = 0; turn < frames; turn++) {
      timeline.scrollTop = step(turn);
      await frame();
      if (turn % 10 === 0) look();
    }
  };
  const top = () => timeline.scrollTop;
  const height = timeline.scrollHeight;
  await run(150, () => top() - 60);
  await run(150, () => top() - 1_500);
  // The whole length by the scrollbar, up and down again.
  await run(120, (turn) => height * (1 - turn / 120));
  await run(120, (turn) => height * (turn / 120));
  await run(60, (turn) => (height * ((turn * 37) % 60)) / 60);
  return seen.size;
}

/** Milliseconds of script between one frame and the next, on the page's main thread. */
function scriptPerFrame(events) {
  const threads = new Map(
    events.filter(({ name }) => name === 'thread_name').map((event) => [`${event.pid}/${event.tid}`, event.args.name]),
  );
  const byProcess = new Map();
  for (const event of events) {
    if (threads.get(`${event.pid}/${event.tid}`) !== 'CrRendererMain') continue;
    if (!byProcess.has(event.pid)) byProcess.set(event.pid, []);
    byProcess.get(event.pid).push(event);
  }
  const busiest = [...byProcess.values()].sort((a, b) => b.length - a.length)[0] ?? [];
  const starts = busiest
    .filter(({ name, ph }) => name === 'FireAnimationFrame' && ph === 'X')
    .map(({ ts }) => ts)
    .sort((a, b) => a - b);
  // Script inside script is counted once; the thread's own time, where the trace has it, is not that of other processes.
  const spans = busiest.filter(({ name, ph }) => ph === 'X' && SCRIPT.has(name)).sort((a, b) => a.ts - b.ts);
  const times = new Array(Math.max(0, starts.length - 1)).fill(0);
  let end = 0;
  let at = 0;
  for (const { ts, dur = 0, tdur = dur } of spans) {
    if (ts < end) continue;
    end = ts + dur;
    while (at + 1 < starts.length && starts[at + 1] <= ts) at++;
    if (at < times.length && ts >= starts[0]) times[at] += tdur / 1_000;
  }
  return times;
}
