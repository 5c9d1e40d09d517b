import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { eventually, launch, open, panels, shots, showAll } from './browser';

interface Hit {
  uid: string;
  title: string;
  tags: string[];
}

/** What `diorama check` reads too: panels that may be empty when one value of a variable is chosen. */
interface Declarations {
  mayBeEmpty: { dashboard: string; panels: string[] }[];
}
const declared = load(
  readFileSync(new URL('../../dashboards/diorama-check.yaml', import.meta.url), 'utf8')
) as Declarations;
const mayBeEmpty = (dashboard: string, panel: string): boolean =>
  declared.mayBeEmpty.some((entry) => entry.dashboard === dashboard && entry.panels.includes(panel));

const found = (await (await fetch(`${inject('address')}/api/search?tag=diorama`)).json()) as Hit[];

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

test('the shipped dashboards are served', () => {
  expect(found.length).toBeGreaterThanOrEqual(16);
});

describe.each(found)('$title', ({ uid }) => {
  test('every panel ends with data, and nothing complains', async () => {
    const { page, complaints } = await open(browser, `/d/${uid}?from=now-10m&to=now&refresh=5s`);
    await showAll(page);
    const all = await panels(page);
    expect(all.length).toBeGreaterThan(0);
    // Panels are asked anew every 5 s: each has to have had data once, a rate needs two samples.
    const without = new Map(all.map(({ title, type }) => [`${type} ${title}`, 'nothing yet']));
    await eventually(uid, async () => {
      for (const { title, type, state, text } of await panels(page)) {
        expect(state, `${title}: ${text}`).not.toBe('error');
        expect(state, `${title}: ${text}`).not.toBe('unsupported');
        if (state === 'data' || (state === 'empty' && mayBeEmpty(uid, title))) {
          without.delete(`${type} ${title}`);
        } else if (state === 'empty') {
          without.set(`${type} ${title}`, text);
        }
      }
      return [...without].map(([title, text]) => `${title}: ${text}`);
    });
    await page.screenshot({ path: `${shots}${uid}-dark-1280.png` });
    await page.goto(`${inject('address')}/d/${uid}?from=now-10m&to=now&theme=light`);
    await page.setViewportSize({ width: 1920, height: 1080 });
    await showAll(page);
    await eventually(uid, async () =>
      (await panels(page)).filter(({ state }) => state === 'loading').map(({ title }) => title)
    );
    await page.screenshot({ path: `${shots}${uid}-light-1920.png` });
    expect(complaints).toEqual([]);
    await page.close();
  });
});
