// Renders parley.svg into the sizes that Tauri bundles. Needs chromium and ImageMagick's convert: `node icons/render.mjs`.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'parley-icons-'));
const svg = readFileSync(join(here, 'parley.svg'), 'utf8');

/** The drawing at 1024 x 1024, with its transparent corners. */
function drawMaster() {
  const page = join(work, 'icon.html');
  const png = join(work, 'master.png');
  writeFileSync(page, `<style>*{margin:0}svg{display:block;width:1024px;height:1024px}</style>${svg}`);
  execFileSync(process.env.CHROMIUM ?? 'chromium', [
    '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--hide-scrollbars', '--default-background-color=00000000',
    '--window-size=1024,1024', `--user-data-dir=${join(work, 'profile')}`, `--screenshot=${png}`, `file://${page}`,
  ], { stdio: 'ignore' });
  return png;
}

function resize(master, size) {
  const png = join(work, `${size}.png`);
  // PNG32 keeps the alpha channel that Tauri insists on.
  execFileSync('convert', [master, '-filter', 'Lanczos', '-resize', `${size}x${size}`, '-strip', `PNG32:${png}`]);
  return readFileSync(png);
}

/** ICO with PNG entries (Windows Vista and later). */
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(images.length, 4);
  let offset = head.length;
  images.forEach(([size, png], index) => {
    const at = 6 + 16 * index;
    head.writeUInt8(size === 256 ? 0 : size, at);
    head.writeUInt8(size === 256 ? 0 : size, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(png.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += png.length;
  });
  return Buffer.concat([head, ...images.map(([, png]) => png)]);
}

/** ICNS with PNG entries: a four-letter type and a big-endian length before each. */
function icns(images) {
  const parts = images.map(([type, png]) => {
    const head = Buffer.alloc(8);
    head.write(type, 0, 'latin1');
    head.writeUInt32BE(png.length + 8, 4);
    return Buffer.concat([head, png]);
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.write('icns', 0, 'latin1');
  head.writeUInt32BE(body.length + 8, 4);
  return Buffer.concat([head, body]);
}

const master = drawMaster();
const png = Object.fromEntries([16, 32, 48, 64, 128, 256, 512, 1024].map((size) => [size, resize(master, size)]));
const save = (name, bytes) => writeFileSync(join(here, name), bytes);
save('32x32.png', png[32]);
save('128x128.png', png[128]);
save('128x128@2x.png', png[256]);
save('icon.png', png[512]);
save('icon.ico', ico([16, 32, 48, 256].map((size) => [size, png[size]])));
save('icon.icns', icns([['ic11', png[32]], ['ic12', png[64]], ['ic07', png[128]], ['ic13', png[256]], ['ic09', png[512]], ['ic10', png[1024]]]));
rmSync(work, { recursive: true, force: true });
