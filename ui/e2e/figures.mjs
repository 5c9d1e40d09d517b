// Measures how soon a dashboard is painted, in a browser that has never been there: `node figures.mjs ADDRESS`.
// Prints JSON, in milliseconds from the beginning of the navigation; `make bench` reads it.
import { chromium } from 'playwright-core';
import { chromiumPath } from './chromium.mjs';

const ROUNDS = 5;
const address = process.argv[2];
const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: ['--no-sandbox'],
});
const figures = { firstPaint: [], firstPanel: [], allPanels: [] };

for (let round = 0; round < ROUNDS; round++) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${address}/d/diorama-cluster`);
  await page.waitForSelector('[data-state=data]');
  figures.firstPanel.push(await page.evaluate(() => performance.now()));
  // Those that are in view: others ask when they come into it.
  await page.waitForFunction(() =>
    [...document.querySelectorAll('[data-state]')]
      .filter((e) => e.getBoundingClientRect().top < innerHeight)
      .every((e) => e.dataset.state === 'data')
  );
  figures.allPanels.push(await page.evaluate(() => performance.now()));
  figures.firstPaint.push(
    await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime)
  );
  await context.close();
}
await browser.close();
console.log(JSON.stringify(figures));
