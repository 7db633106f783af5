import { chromium } from 'playwright-core';
import { build, preview } from 'vite';

/** Builds the window with its invented world, serves it on a free port and starts a browser. Run from the ui folder; `stop` ends both. */
export async function openMock() {
  await build({ mode: 'mock', logLevel: 'error' });
  const server = await preview({ mode: 'mock', logLevel: 'error', preview: { host: '127.0.0.1', port: 0 } });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
    ],
  });
  return {
    browser,
    address: server.resolvedUrls.local[0],
    stop: async () => {
      await browser.close();
      await server.close();
    },
  };
}
