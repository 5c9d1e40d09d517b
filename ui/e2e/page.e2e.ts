import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { eventually, launch, open, panels, shots, showAll, type Opened } from './browser';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

const PANELS = '/d/panels?from=now-5m&to=now';
/** Asked anew every 5 s: what is measured over a while comes later. */
const GROWING = `${PANELS}&refresh=5s`;

async function visit(path: string, look: (opened: Opened) => Promise<void>, size?: { width: number; height: number }): Promise<void> {
  const opened = await open(browser, path, size);
  await look(opened);
  expect(opened.complaints).toEqual([]);
  await opened.page.close();
}

/** The queries that the page sends while something is done, as their bodies say. */
async function asked(page: Page, what: () => Promise<unknown>): Promise<Array<{ variables: Record<string, string[]>; from: string; to: string }>> {
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

function panel(page: Page, title: string) {
  return page.locator(`[data-panel-title="${title}"]`);
}

async function hasData(page: Page, title: string): Promise<void> {
  await panel(page, title).locator('[data-state=data]').waitFor();
}

test('the list of dashboards, and its search', () =>
  visit('/', async ({ page }) => {
    await page.getByText('Kubernetes / Cluster', { exact: true }).waitFor();
    await page.getByPlaceholder('Search by title, folder or tag').fill('networking pod');
    await eventually('the list', async () => ((await page.locator('.card').count()) === 1 ? [] : ['not one card']));
    expect(page.url()).toContain('query=networking');
    await page.getByText('Kubernetes / Networking / Pod').click();
    await page.waitForURL(/\/d\/diorama-networking-pod/);
  }));

test('every kind of panel has data, dark and light', () =>
  visit(GROWING, async ({ page }) => {
    for (const [theme, width] of [['dark', 1280], ['light', 1920]] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.goto(`${inject('address')}${GROWING}&theme=${theme}`);
      await showAll(page);
      await eventually('panels', async () => (await panels(page)).filter(({ state }) => state !== 'data').map(({ title, state }) => `${title} is ${state}`));
      // Drawing comes after the data.
      await page.waitForTimeout(500);
      await page.screenshot({ path: `${shots}panels-${theme}-${width}.png` });
    }
  }));

test('graphs, heatmaps and state timelines are drawn', () =>
  visit(GROWING, async ({ page }) => {
    await showAll(page);
    for (const title of ['Stacked areas', 'Heatmap of buckets', 'Heatmap of values', 'State timeline', 'Status history']) {
      await hasData(page, title);
      const colors = () =>
        panel(page, title)
          .locator('canvas')
          .first()
          .evaluate((canvas: HTMLCanvasElement) => {
            const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
            const found = new Set<number>();
            for (let i = 0; i < data.length; i += 4) {
              // Grey is axes and grid.
              if (data[i + 3] > 100 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) {
                found.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
              }
            }
            return found.size;
          });
      await eventually(title, async () => ((await colors()) > 0 ? [] : ['nothing coloured is drawn']));
    }
    for (const [title, least] of [['Bar chart', 8], ['Histogram', 3], ['Lying, stacked', 10]] as const) {
      expect(await panel(page, title).locator('rect.bar').count(), title).toBeGreaterThanOrEqual(least);
    }
  }));

test('scripts in texts, labels and links are not run', () =>
  visit(PANELS, async ({ page }) => {
    await showAll(page);
    await hasData(page, 'Text labels are no HTML');
    await hasData(page, 'HTML');
    await hasData(page, 'Table');
    await panel(page, 'Table').getByRole('gridcell').nth(1).click();
    await panel(page, 'Two axes').locator('.panel-link').click();
    await page.waitForTimeout(500);
    expect(await page.evaluate(() => (window as { hacked?: string }).hacked)).toBeUndefined();
    expect(await page.locator('.text-panel script, .text-panel [onerror], .text-panel [onclick], a[href^="javascript"]').count()).toBe(0);
    expect(await panel(page, 'Text labels are no HTML').locator('img').count()).toBe(0);
  }));

test('a variable that is changed asks every panel anew, and is in the address', () =>
  visit(PANELS, async ({ page }) => {
    await hasData(page, 'Stacked areas');
    const bodies = await asked(page, async () => {
      await page.locator('#var-namespace').click();
      await page.getByRole('option', { name: 'shop' }).click();
      await page.keyboard.press('Escape');
    });
    expect(bodies[0].variables.namespace).toEqual(['shop']);
    expect(page.url()).toContain('var-namespace=shop');
    await eventually('the legend', async () => {
      const text = await panel(page, 'Stacked areas').innerText();
      return text.includes('shop') && !text.includes('payments') ? [] : [text];
    });
    await page.goBack();
    await eventually('the legend', async () => ((await panel(page, 'Stacked areas').innerText()).includes('payments') ? [] : ['only shop']));
  }));

test('every kind of variable changes what is asked', () =>
  visit('/d/variables?from=now-5m&to=now', async ({ page }) => {
    // One panel for each chosen value.
    await hasData(page, 'CPU of shop');
    await hasData(page, 'CPU of data');
    expect(await panel(page, 'CPU of payments').count()).toBe(0);
    await page.locator('#var-namespaces').click();
    await page.getByRole('option', { name: 'payments' }).click();
    await page.keyboard.press('Escape');
    await hasData(page, 'CPU of payments');
    const legend = () => panel(page, 'Nodes').innerText();
    const write = async (name: string, text: string) => {
      await page.locator(`#var-${name}`).fill(text);
      await page.keyboard.press('Enter');
    };
    await write('node', '000[12]');
    await eventually('the text box', async () => (/node-0002/.test(await legend()) && !/node-0003/.test(await legend()) ? [] : [await legend()]));
    await write('filters', 'k8s_node_name!=node-0001');
    await eventually('the filter', async () => (/node-0002/.test(await legend()) && !/node-0001/.test(await legend()) ? [] : [await legend()]));
    expect(new URL(page.url()).searchParams.get('var-filters')).toBe('k8s_node_name|!=|node-0001');
    await page.reload();
    await hasData(page, 'Nodes');
    expect(await page.locator('#var-filters').inputValue()).toBe('k8s_node_name!=node-0001');
    await page.screenshot({ path: `${shots}variables.png` });
  }));

test('lists have dashboards, rules and events', () =>
  visit(GROWING, async ({ page }) => {
    await showAll(page);
    const link = panel(page, 'Dashboards').getByText('Kubernetes / Cluster', { exact: true });
    await link.waitFor();
    expect(await link.getAttribute('href')).toMatch(/^\/d\/diorama-cluster\/.*from=now-5m&to=now&.*var-cluster=/);
    await panel(page, 'Alerts').getByText(/rules are watched|firing|pending/i).first().waitFor();
    await panel(page, 'Events').locator('.log').first().waitFor();
  }));

test('links lead on with variables and time', () =>
  visit(`${PANELS}&var-namespace=shop&var-namespace=data`, async ({ page }) => {
    await page.locator('.dashboard-link', { hasText: 'Clusters' }).waitFor();
    const href = await page.locator('.dashboard-link', { hasText: 'Clusters' }).getAttribute('href');
    expect(href).toContain('/d/diorama-clusters?from=now-5m&to=now');
    expect(href).toContain('var-namespace=shop&var-namespace=data');
    await showAll(page);
    await hasData(page, 'Table');
    await panel(page, 'Table').getByText('shop', { exact: true }).click();
    await page.waitForURL(/\/d\/diorama-namespace-pods\?.*var-namespace=shop/);
    await page.locator('[data-state=data]').first().waitFor();
    expect(page.url()).toContain('from=now-5m');
    await page.locator('.variable', { hasText: 'Namespace' }).getByText('shop', { exact: true }).waitFor();
  }));

test('panels ask when they come into view, and not again when they come back', () =>
  visit('/d/panels?from=now-5m&to=now', async ({ page }) => {
    const sent: string[] = [];
    page.on('request', (request) => request.url().endsWith('/query') && sent.push(request.url().replace(/.*panels\//, '')));
    const lowest = 'Its own time';
    await hasData(page, 'Two axes');
    expect(sent).not.toContain('25/query');
    await panel(page, lowest).scrollIntoViewIfNeeded();
    await hasData(page, lowest);
    expect(sent).toContain('25/query');
    const before = sent.length;
    await panel(page, 'Two axes').scrollIntoViewIfNeeded();
    await page.waitForTimeout(1000);
    await panel(page, lowest).scrollIntoViewIfNeeded();
    await page.waitForTimeout(1000);
    expect(sent.slice(before).filter((url) => url === '3/query' || url === '25/query')).toEqual([]);
  }));

test('dragging over a graph zooms, for all panels', () =>
  visit(PANELS, async ({ page }) => {
    await hasData(page, 'Two axes');
    const box = (await panel(page, 'Two axes').locator('.u-over').boundingBox())!;
    const bodies = await asked(page, async () => {
      await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.75, box.y + 40, { steps: 5 });
      await page.mouse.up();
    });
    const seconds = (Number(bodies[0].to) - Number(bodies[0].from)) / 1000;
    expect(seconds).toBeGreaterThan(60);
    expect(seconds).toBeLessThan(90);
    expect(new URL(page.url()).searchParams.get('from')).toMatch(/^\d{13}$/);
  }));

test('the crosshair of one graph is in the others', () =>
  visit(PANELS, async ({ page }) => {
    await hasData(page, 'Stacked areas');
    await hasData(page, 'Two axes');
    const box = (await panel(page, 'Stacked areas').locator('.u-over').boundingBox())!;
    await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2);
    await page.mouse.move(box.x + box.width - 15, box.y + box.height / 2);
    const cursor = panel(page, 'Two axes').locator('.u-cursor-x');
    await eventually('the crosshair', async () => ((await cursor.evaluate((e) => e.classList.contains('u-off'))) ? ['not shown'] : []));
    // Its tooltip names all series.
    await page.locator('#grafana-portal-container').getByText('payments').waitFor();
    await page.screenshot({ path: `${shots}crosshair.png` });
  }));

test('a legend label isolates its series, and brings the others back', () =>
  visit(PANELS, async ({ page }) => {
    await hasData(page, 'Stacked areas');
    const labels = panel(page, 'Stacked areas').locator('button[class*=LegendLabel]');
    const dimmed = () => labels.evaluateAll((all) => all.filter((e) => /disabled|Disabled/.test(e.className)).length);
    const count = await labels.count();
    await labels.filter({ hasText: 'shop' }).click();
    await eventually('isolated', async () => ((await dimmed()) === count - 1 ? [] : [`${await dimmed()} of ${count} are dimmed`]));
    await labels.filter({ hasText: 'shop' }).click();
    await eventually('all', async () => ((await dimmed()) === 0 ? [] : [`${await dimmed()} are dimmed`]));
  }));

async function menu(page: Page, title: string, item: string): Promise<void> {
  await panel(page, title).hover();
  await panel(page, title).getByRole('button', { name: /Menu for panel/ }).click();
  await page.getByRole('menuitem', { name: item }).click();
}

test('a panel fills the page, Escape leaves it', () =>
  visit(PANELS, async ({ page }) => {
    await hasData(page, 'Two axes');
    await menu(page, 'Two axes', 'View');
    await page.waitForURL(/viewPanel=panel-3/);
    await page.locator('.viewed-panel [data-state=data]').waitFor();
    expect(await page.locator('[data-panel-id]').count()).toBe(0);
    await page.screenshot({ path: `${shots}view-panel.png` });
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => !url.searchParams.has('viewPanel'));
    await hasData(page, 'Two axes');
  }));

test('inspect tells the query as sent, the data and the JSON', () =>
  visit(PANELS, async ({ page }) => {
    await hasData(page, 'Stacked areas');
    await menu(page, 'Stacked areas', 'Inspect');
    const drawer = page.getByRole('dialog');
    await drawer.locator('pre').first().waitFor();
    expect(await drawer.locator('pre').first().innerText()).not.toContain('$namespace');
    expect(await drawer.innerText()).toMatch(/step \d+s/);
    await drawer.getByRole('tab', { name: 'Data' }).click();
    await drawer.getByRole('grid').waitFor();
    await page.screenshot({ path: `${shots}inspect.png` });
    await drawer.getByRole('tab', { name: 'JSON' }).click();
    expect(await drawer.locator('.inspect-json').innerText()).toContain('"Stacked areas"');
    await page.keyboard.press('Escape');
    await page.waitForURL((url) => !url.searchParams.has('inspect'));
  }));

test('kiosk shows the panels alone, Escape leaves it', () =>
  visit(`${PANELS}&kiosk`, async ({ page }) => {
    await hasData(page, 'Two axes');
    expect(await page.getByRole('navigation').count()).toBe(0);
    expect(await page.locator('.toolbar').count()).toBe(0);
    await page.screenshot({ path: `${shots}kiosk.png` });
    await page.keyboard.press('Escape');
    await page.getByRole('navigation').waitFor();
  }));

test('rows open and close by keyboard', () =>
  visit(PANELS, async ({ page }) => {
    await page.locator('.row-title').waitFor();
    expect(await panel(page, 'Inside the row').count()).toBe(0);
    await page.locator('.row-title').focus();
    await page.keyboard.press('Enter');
    await hasData(page, 'Inside the row');
    await page.keyboard.press('Enter');
    await panel(page, 'Inside the row').waitFor({ state: 'detached' });
  }));

test('the first keys reach the pages and the theme', () =>
  visit('/status', async ({ page }) => {
    await page.getByRole('rowheader', { name: 'etcd' }).waitFor();
    const reached: string[] = [];
    for (let presses = 0; presses < 9; presses++) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement?.textContent?.trim() ?? ''));
    }
    const first = reached.indexOf('Dashboards');
    expect(reached.slice(first, first + 6)).toEqual(['Dashboards', 'Explore', 'Cluster', 'Events', 'Status', 'Light']);
    await page.getByRole('button', { name: 'Use the light theme' }).focus();
    await page.keyboard.press('Enter');
    await eventually('the theme', async () => ((await page.evaluate(() => document.body.className)).includes('theme-light') ? [] : ['still dark']));
    await page.reload();
    expect(await page.evaluate(() => document.body.className)).toContain('theme-light');
  }));

test('panels say why they have no data', () =>
  visit('/d/states', async ({ page }) => {
    const text = (title: string) => panel(page, title).locator('[data-state]').innerText();
    await hasData(page, 'Good');
    await eventually('panels', async () => (await panels(page)).filter(({ state }) => state === 'loading').map(({ title }) => title));
    expect(await text('No such metric')).toContain('no metric is named no_such_metric');
    expect(await text('No such labels')).toContain('k8s_node_name="nowhere"');
    expect(await text('Broken query')).toContain('unclosed left parenthesis');
    expect(await text('Another source')).toContain('influxdb');
    expect(await page.getByRole('alert').innerText()).toContain('parse error');
    await page.screenshot({ path: `${shots}states.png` });
  }));

test('a dashboard that is not there is told', () =>
  visit('/d/nothing-here', async ({ page, complaints }) => {
    await page.getByText('There is no such dashboard').waitFor();
    // The browser itself writes down the 404 that this is about.
    expect(complaints.splice(0).every((complaint) => complaint.includes('404'))).toBe(true);
  }));

test('panels say when the server is gone, and go on when it is back', () =>
  visit(PANELS, async ({ page, complaints }) => {
    await hasData(page, 'Two axes');
    await page.context().setOffline(true);
    await page.getByTestId('data-testid RefreshPicker run button').click();
    // What was drawn last stays, marked as old.
    await panel(page, 'Two axes').locator('[data-state=error] canvas').first().waitFor();
    await page.context().setOffline(false);
    await page.getByTestId('data-testid RefreshPicker run button').click();
    await hasData(page, 'Two axes');
    expect(complaints.splice(0).every((complaint) => /ERR_INTERNET_DISCONNECTED|ERR_/.test(complaint))).toBe(true);
  }));

test('a saved file is in the open page; a broken one is told with its place, and its last good version stays', async () => {
  const file = join(inject('folder'), 'live.json');
  const source = JSON.parse(readFileSync(join(inject('folder'), 'states.json'), 'utf8')) as Record<string, unknown>;
  const save = (title: string) => writeFileSync(file, JSON.stringify({ ...source, uid: 'live', title }, null, 2));
  save('Before');
  await eventually('the new dashboard', async () => ((await fetch(`${inject('address')}/api/dashboards/uid/live`)).ok ? [] : ['not served yet']));
  await visit('/d/live', async ({ page }) => {
    const title = page.locator('.toolbar-title');
    await title.getByText('Before').waitFor();
    save('After');
    await title.getByText('After').waitFor();
    writeFileSync(file, '{\n  "uid": "live",\n  "title": "Broken",,\n}');
    const banner = page.locator('.banner');
    await banner.getByText(/live\.json:3:\d+ cannot be read/).waitFor();
    expect(await title.innerText()).toContain('After');
    await page.screenshot({ path: `${shots}broken-file.png` });
    save('Mended');
    await title.getByText('Mended').waitFor();
    await banner.waitFor({ state: 'detached' });
  });
  rmSync(file);
});

test('jsonnet is reloaded when one of its imports is saved', async () => {
  const [main, library] = ['mixin.jsonnet', 'titles.libsonnet'].map((name) => join(inject('folder'), name));
  copyFileSync(join(import.meta.dirname, 'jsonnet', 'titles.libsonnet'), library);
  copyFileSync(join(import.meta.dirname, 'jsonnet', 'mixin.jsonnet'), main);
  await eventually('the new dashboard', async () => ((await fetch(`${inject('address')}/api/dashboards/uid/mixin`)).ok ? [] : ['not served yet']));
  await visit('/d/mixin', async ({ page }) => {
    await page.locator('.toolbar-title').getByText('From a mixin').waitFor();
    writeFileSync(library, `{ title: 'From an import' }`);
    await page.locator('.toolbar-title').getByText('From an import').waitFor();
  });
  rmSync(main);
  rmSync(library);
});

test('Explore completes, runs, draws and tells errors', () =>
  visit('/explore?from=now-5m&to=now', async ({ page, complaints }) => {
    const editor = page.getByRole('textbox', { name: 'Query A' });
    await editor.click();
    await page.keyboard.type('k8s_node_cpu_u');
    await page.locator('.cm-tooltip-autocomplete').getByText('k8s_node_cpu_usage').waitFor();
    await page.screenshot({ path: `${shots}explore-completion.png` });
    await page.keyboard.press('Escape');
    await page.keyboard.type('sage');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/expr=k8s_node_cpu_usage/);
    await page.locator('.explore-view canvas').first().waitFor();
    await page.getByRole('grid').getByText('node-0001').first().waitFor();
    await page.screenshot({ path: `${shots}explore.png` });
    await page.goto(`${inject('address')}/explore?expr=sum(`);
    await page.getByText('The query failed').waitFor();
    expect(await page.locator('main').innerText()).toContain('parse error');
    expect(complaints.splice(0).every((complaint) => complaint.includes('400'))).toBe(true);
  }));

test('a panel leads to Explore with its query as sent', () =>
  visit(PANELS, async ({ page }) => {
    await hasData(page, 'Stacked areas');
    await menu(page, 'Stacked areas', 'Explore');
    await page.waitForURL(/\/explore\?/);
    expect(new URL(page.url()).searchParams.get('expr')).toMatch(/^sum by \(k8s_namespace_name\).*k8s_namespace_name=~"(?!\$)/);
    await page.locator('.explore-view canvas').first().waitFor();
  }));

test('Cluster shows nodes and their pods', () =>
  visit('/cluster', async ({ page }) => {
    await page.getByText('node-0001').waitFor();
    expect(await page.locator('.node').count()).toBe(10);
    expect(await page.locator('.node .pod').count()).toBeGreaterThanOrEqual(60);
    await page.screenshot({ path: `${shots}cluster.png` });
    await page.getByPlaceholder(/Filter by node/).fill('node-0003');
    await eventually('the filter', async () => ((await page.locator('.node').count()) === 1 ? [] : ['more than one node']));
    await page.getByText('node-0003').click();
    await page.waitForURL(/\/d\/diorama-node\?var-node=node-0003/);
  }));

test('Events are filtered', () =>
  visit('/events', async ({ page }) => {
    await page.getByRole('row').nth(1).waitFor();
    await page.screenshot({ path: `${shots}events.png` });
    await page.getByLabel('reason').fill('Scheduled');
    await page.keyboard.press('Enter');
    await page.waitForURL(/reason=Scheduled/);
    const reasons = () => page.locator('.events tbody tr td:nth-child(3)').allInnerTexts();
    await eventually('the filter', async () => {
      const found = await reasons();
      return found.length && found.every((reason) => reason === 'Scheduled') ? [] : found;
    });
    await page.getByLabel('namespace').fill('no-such-namespace');
    await page.keyboard.press('Enter');
    await page.getByText('No event matches.').waitFor();
  }));

test('Status shows components and how telemetry flows', () =>
  visit('/status', async ({ page }) => {
    await page.getByRole('rowheader', { name: 'kube-apiserver' }).waitFor();
    expect(await page.locator('main').innerText()).toContain('Samples per second');
    expect(await page.locator('td.bad').count()).toBe(0);
    await page.screenshot({ path: `${shots}status.png`, fullPage: true });
  }));
