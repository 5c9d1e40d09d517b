import { expect, test } from 'vitest';
import { allHaveData, hasData, panel, panels, shoot, shots, showAll, visits } from './browser';

const visit = visits();

/** Even minutes are annotations here: five minutes have one, whenever they are. */
const EXTRAS = '/d/extras?from=now-5m&to=now';

test('annotations are drawn on graphs, and describe themselves', () =>
  visit(EXTRAS, async ({ page }) => {
    for (const title of ['With every layer', 'With most layers']) {
      await hasData(page, title);
      const mark = panel(page, title)
        .getByRole('button', { name: /^An even minute, / })
        .last();
      await mark.waitFor();
      const plot = (await panel(page, title).locator('.u-over').boundingBox())!;
      const area = (await panel(page, title).locator('.annotation').last().boundingBox())!;
      expect(area.x).toBeGreaterThanOrEqual(plot.x - 1);
      expect(area.x + area.width).toBeLessThanOrEqual(plot.x + plot.width + 1);
      expect(Math.abs(area.height - plot.height)).toBeLessThan(2);
      await mark.hover();
      const tip = page.getByRole('tooltip').filter({ hasText: 'An even minute' });
      expect(await tip.innerHTML()).toContain('seen in <b>data + shop + payments</b>');
      await page.mouse.move(0, 0);
      await tip.waitFor({ state: 'detached' });
    }
    // With the keyboard too.
    await panel(page, 'With every layer')
      .getByRole('button', { name: /^An even minute, / })
      .first()
      .focus();
    await page.getByRole('tooltip').filter({ hasText: 'An even minute' }).waitFor();
  }));

test('annotations are switched on and off, for the panels that they are for', () =>
  visit(EXTRAS, async ({ page }) => {
    const press = (name: string) => page.getByRole('switch', { name }).click({ force: true });
    const marks = (title: string, name: RegExp) => panel(page, title).getByRole('button', { name });
    await marks('With every layer', /^An even minute/)
      .first()
      .waitFor();
    expect(await page.getByRole('switch').count()).toBe(4);
    await press('Minutes');
    await marks('With every layer', /^An even minute/)
      .first()
      .waitFor({ state: 'detached' });
    await press('Samples');
    await marks('With every layer', /^node-0001 is ready/)
      .first()
      .waitFor();
    expect(await marks('With most layers', /is ready/).count()).toBe(0);
    await press('Events');
    await marks('With most layers', /^Events, /)
      .first()
      .waitFor();
    await press('Broken');
    await page.locator('.variable-error').filter({ hasText: 'parse error' }).waitFor();
    await page.screenshot({ path: `${shots}annotations.png` });
  }));

test('tables have footers, of the form of today and of older ones', () =>
  visit(EXTRAS, async ({ page }) => {
    const footer = (title: string) => panel(page, title).locator('.rdg-summary-row').innerText();
    await hasData(page, 'Footer of today');
    await hasData(page, 'Footer of old');
    expect(await footer('Footer of today')).toMatch(/^\s*total\s+max\s+\d+\.\d{3}\s+\d+\.\d{3}\s*$/i);
    expect(await footer('Footer of old')).toMatch(/^\s*mean\s+\d+\.\d{3}\s*$/i);
  }));

test('names along bars lean, library panels show what the file has', () =>
  visit(EXTRAS, async ({ page }) => {
    await showAll(page);
    await allHaveData(page);
    const leaning = panel(page, 'Names that lean').locator('text[transform^="rotate(-45"]');
    expect(await leaning.count()).toBeGreaterThan(3);
    // Nothing of the names is outside of the panel.
    const frame = (await panel(page, 'Names that lean').boundingBox())!;
    for (const name of await leaning.all()) {
      const { x, y, height } = (await name.boundingBox())!;
      expect(x).toBeGreaterThan(frame.x);
      expect(y + height).toBeLessThan(frame.y + frame.height);
    }
    const bars = await panel(page, 'Logarithmic')
      .locator('rect.bar')
      .evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().height));
    expect(bars).toHaveLength(3);
    expect(Math.max(...bars) / Math.min(...bars)).toBeLessThan(20);
    expect(await panel(page, 'From a library').innerText()).toMatch(/\d+/);
    expect(await panel(page, 'Not in the file').innerText()).toContain(
      'The library panel “Shared elsewhere” is not in the dashboard’s file'
    );
    expect(await panel(page, 'Small graphs').locator('.uplot').count()).toBeGreaterThan(3);
    expect(await panel(page, 'Regression').innerText()).toContain('cpu predicted');
    expect(await panel(page, 'Smoothing').innerText()).toContain('cpu (smoothed)');
    await shoot(page, EXTRAS, 'extras');
  }));

test('tabs of a v2 dashboard are tabs, and in the address', () =>
  visit('/d/tabs?from=now-5m&to=now', async ({ page }) => {
    const titles = async () => (await panels(page)).map(({ title }) => title);
    await hasData(page, 'Nodes');
    expect(await titles()).toEqual(['Nodes']);
    await page.getByRole('tab', { name: 'Pods' }).click();
    await hasData(page, 'Pods');
    expect(await titles()).toEqual(['Pods', 'In a row']);
    expect(page.url()).toContain('dtab=pods');
    await page.screenshot({ path: `${shots}tabs.png` });
    await page.goBack();
    await hasData(page, 'Nodes');
  }));
