import { mkdirSync } from 'node:fs';
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { chromiumPath } from './chromium.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the environment serves its dashboards. */
    address: string;
    /** The folder that it watches. */
    folder: string;
  }
}

const WAIT = 90_000;
export const shots = new URL('../../out/page/', import.meta.url).pathname;

export function launch(): Promise<Browser> {
  mkdirSync(shots, { recursive: true });
  // Root has no sandbox; what is opened is our own page.
  return chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });
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
  page.on(
    'console',
    (message) =>
      ['error', 'warning'].includes(message.type()) && complaints.push(`${message.text()} (${message.location().url})`)
  );
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

/** Screenshots of a dashboard as soon as every panel has data, dark and narrow, light and wide. */
export async function shoot(page: Page, path: string, name: string): Promise<void> {
  for (const [theme, width] of [
    ['dark', 1280],
    ['light', 1920],
  ] as const) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${inject('address')}${path}&theme=${theme}`);
    await showAll(page);
    await allHaveData(page);
    // Drawing comes after the data.
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${shots}${name}-${theme}-${width}.png` });
  }
}

export function allHaveData(page: Page): Promise<void> {
  return eventually('panels', async () =>
    (await panels(page)).filter(({ state }) => state !== 'data').map(({ title, state }) => `${title} is ${state}`)
  );
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

/** The dashboard that has every kind of panel. */
export const PANELS = '/d/panels?from=now-5m&to=now';
/** Asked anew every 5 s: what is measured over a while comes later. */
export const GROWING = `${PANELS}&refresh=5s`;

type Visit = (path: string, look: (opened: Opened) => Promise<void>) => Promise<void>;

/** Starts a browser for the tests of a file. Each visit is a page of its own; nothing may complain until its end. */
export function visits(): Visit {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser?.close());
  return async (path, look) => {
    const opened = await open(browser, path);
    await look(opened);
    expect(opened.complaints).toEqual([]);
    await opened.page.close();
  };
}

/** The queries that the page sends while something is done, as their bodies say. */
export async function asked(
  page: Page,
  what: () => Promise<unknown>
): Promise<Array<{ variables: Record<string, string[]>; from: string; to: string }>> {
  const bodies: Array<{ variables: Record<string, string[]>; from: string; to: string }> = [];
  const take = (request: { url(): string; postDataJSON(): unknown }) => {
    if (request.url().endsWith('/query')) {
      bodies.push(request.postDataJSON() as (typeof bodies)[number]);
    }
  };
  page.on('request', take);
  await what();
  await eventually('queries', async () => (bodies.length ? [] : ['none was sent']));
  page.off('request', take);
  return bodies;
}

export function panel(page: Page, title: string): Locator {
  return page.locator(`[data-panel-title="${title}"]`);
}

export async function hasData(page: Page, title: string): Promise<void> {
  await panel(page, title).locator('[data-state=data]').waitFor();
}

/** Chooses an item of a panel's menu. */
export async function menu(page: Page, title: string, item: string): Promise<void> {
  await panel(page, title).hover();
  await panel(page, title)
    .getByRole('button', { name: /Menu for panel/ })
    .click();
  await page.getByRole('menuitem', { name: item }).click();
}
