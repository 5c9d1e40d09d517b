import { mkdirSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the environment serves its dashboards. */
    address: string;
    /** The folder that it watches. */
    folder: string;
  }
}

export const WAIT = 90_000;
export const shots = new URL('../../out/page/', import.meta.url).pathname;

export function launch(): Promise<Browser> {
  mkdirSync(shots, { recursive: true });
  // Root has no sandbox; what is opened is our own page.
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
}

export interface Opened {
  page: Page;
  /** What the browser complained about, requests that failed included. */
  complaints: string[];
}

export async function open(browser: Browser, path: string, size = { width: 1280, height: 900 }): Promise<Opened> {
  const page = await browser.newPage({ viewport: size });
  page.setDefaultTimeout(WAIT);
  const complaints: string[] = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(`${message.text()} (${message.location().url})`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => {
    // A newer question takes an older one's place.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') {
      complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
    }
  });
  await page.goto(inject('address') + path);
  return { page, complaints };
}

export interface PanelState {
  title: string;
  type: string;
  state: string;
  text: string;
}

/** How every panel of the open dashboard is: `data`, `empty`, `error`, `loading`. */
export function panels(page: Page): Promise<PanelState[]> {
  return page.$$eval('[data-panel-id]', (elements) =>
    elements.map((element) => ({
      title: element.getAttribute('data-panel-title') ?? '',
      type: element.getAttribute('data-panel-type') ?? '',
      state: element.querySelector('[data-state]')?.getAttribute('data-state') ?? 'loading',
      text: element.querySelector('[data-state]')?.textContent ?? '',
    }))
  );
}

/** Makes the window as high as the dashboard: panels that nobody sees ask nothing. */
export async function showAll(page: Page): Promise<void> {
  await page.waitForSelector('[data-panel-id]');
  for (const row of await page.$$('.row-title[aria-expanded="false"]')) {
    await row.click();
  }
  const { width } = page.viewportSize() ?? { width: 1280 };
  const height = await page.$eval('.grid', (grid) => Math.ceil(grid.getBoundingClientRect().bottom + window.scrollY));
  await page.setViewportSize({ width, height: height + 40 });
}

/** Polls until a condition has no complaint left. */
export async function eventually(what: string, check: () => Promise<string[]>): Promise<void> {
  const deadline = Date.now() + WAIT;
  for (;;) {
    const left = await check();
    if (!left.length) {
      return;
    }
    if (Date.now() > deadline) {
      throw new Error(`${what}: ${left.join('; ')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
