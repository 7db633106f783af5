// Draws every screen in every state that matters, and lets axe-core look at each: `npm run shots -- [--out DIR] [--only name,name] [--theme dark] [--width 380] [--grid | --extras | --axe-only]`.
// Needs chromium (or CHROMIUM=/path). Exits with 1 when axe finds something serious or a page logs an error.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openMock } from './browser.mjs';
import { EXTRAS, SHOTS } from './scenes.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'shots') },
    only: { type: 'string' },
    theme: { type: 'string' },
    width: { type: 'string' },
    'axe-only': { type: 'boolean', default: false },
    grid: { type: 'boolean', default: false },
    extras: { type: 'boolean', default: false },
  },
});
const out = resolve(options.out);
const wanted = options.only?.split(',');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const HEIGHTS = { 380: 780, 800: 720, 1280: 800, 2560: 1300 };

const usual = SHOTS.flatMap(({ name }) =>
  ['dark', 'light'].flatMap((theme) => [380, 800, 1280].map((width) => ({ name, theme, width }))),
);
const axeGrid = SHOTS.flatMap(({ name }) => [
  { name, theme: 'dark', width: 1280 },
  { name, theme: 'light', width: 380 },
]);
const jobs = (
  options['axe-only'] ? axeGrid : options.grid ? usual : options.extras ? EXTRAS : [...usual, ...EXTRAS]
).filter(
  ({ name, theme, width }) =>
    (!wanted || wanted.includes(name)) &&
    (!options.theme || options.theme === theme) &&
    (!options.width || Number(options.width) === width),
);

process.chdir(root);
const { browser, address, stop } = await openMock();
const problems = [];
const drawn = [];
mkdirSync(out, { recursive: true });
try {
  const queue = [...jobs];
  await Promise.all(
    Array.from({ length: 2 }, async () => {
      for (let job = queue.shift(); job; job = queue.shift()) await draw(job);
    }),
  );
} finally {
  await stop();
}
if (!options['axe-only'])
  writeFileSync(join(out, 'index.html'), index(drawn.sort((a, b) => a.file.localeCompare(b.file))));
console.log(`${jobs.length} screens, ${problems.length} problems${options['axe-only'] ? '' : `, pictures in ${out}`}`);
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

async function draw(job) {
  const { name, theme, width, accent = 'teal', lang = 'en', dir = 'ltr', density = 'comfortable' } = job;
  const shot = SHOTS.find((other) => other.name === name);
  const label = [
    name,
    width,
    theme,
    accent !== 'teal' && accent,
    lang !== 'en' && lang,
    dir !== 'ltr' && dir,
    density !== 'comfortable' && density,
  ]
    .filter(Boolean)
    .join('-');
  const context = await browser.newContext({
    viewport: { width, height: HEIGHTS[width] },
    reducedMotion: 'reduce',
    colorScheme: theme,
    locale: lang,
  });
  // As the app's window has it.
  await context.addInitScript(() => Object.freeze(Object.prototype));
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`${label}: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`${label}: ${message.text()}`);
  });
  page.setDefaultTimeout(8_000);
  if (shot.clock) await page.clock.install();
  try {
    const query = new URLSearchParams({ mock: shot.scene, theme, accent, lang, dir, density });
    await page.goto(`${address}?${query}`);
    // The search field, a room's header and the like are behind the room where one zone is shown at a time.
    for (const step of shot.steps) await step(page);
    await page.waitForTimeout(120);
    const serious = await look(page);
    for (const { id, help, nodes } of serious)
      problems.push(
        `${label}: axe ${id}: ${help} (${nodes
          .map((node) => node.target.join(' '))
          .slice(0, 3)
          .join(' | ')})`,
      );
    const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
    if (wide > 0) problems.push(`${label}: the page is ${wide} px wider than the window`);
    if (!options['axe-only']) {
      await page.screenshot({ path: join(out, `${label}.png`) });
      drawn.push({ file: `${label}.png`, name, width });
    }
  } catch (error) {
    problems.push(`${label}: ${error.message.split('\n').slice(0, 3).join(' ')}`);
    if (!options['axe-only']) await page.screenshot({ path: join(out, `${label}-failed.png`) }).catch(() => undefined);
  } finally {
    await context.close();
  }
}

/** What axe-core calls serious or critical. */
async function look(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(({ target }) => ({ target: target.map(String) })) }));
  });
}

function index(pictures) {
  const names = [...new Set(pictures.map(({ name }) => name))];
  const sections = names.map(
    (name) =>
      `<h2>${name}</h2><div>${pictures
        .filter((picture) => picture.name === name)
        .map(
          ({ file, width }) =>
            `<a href="${file}"><img src="${file}" loading="lazy" height="260" alt="${file}"><br>${width} ${file.replace('.png', '')}</a>`,
        )
        .join('')}</div>`,
  );
  return `<!doctype html><meta charset="utf-8"><title>Parley screens</title><style>body{font:13px system-ui;margin:24px;background:#888}div{display:flex;flex-wrap:wrap;gap:16px}a{color:#000;text-decoration:none}</style>${sections.join('')}`;
}
