import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { eventually, hasData, menu, PANELS, shots, visits } from './browser';

const visit = visits();

test('the list of dashboards, and its search', () =>
  visit('/', async ({ page }) => {
    await page.getByText('Kubernetes / Cluster', { exact: true }).waitFor();
    await page.getByPlaceholder('Search by title, folder or tag').fill('networking pod');
    await eventually('the list', async () => ((await page.locator('.card').count()) === 1 ? [] : ['not one card']));
    expect(page.url()).toContain('query=networking');
    await page.getByText('Kubernetes / Networking / Pod').click();
    await page.waitForURL(/\/d\/diorama-networking-pod/);
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
    await eventually('the theme', async () =>
      (await page.evaluate(() => document.body.className)).includes('theme-light') ? [] : ['still dark']
    );
    await page.reload();
    expect(await page.evaluate(() => document.body.className)).toContain('theme-light');
  }));

test('a dashboard that is not there is reported', () =>
  visit('/d/nothing-here', async ({ page, complaints }) => {
    await page.getByText('There is no such dashboard').waitFor();
    // The browser itself writes down the 404 that this is about.
    expect(complaints.splice(0).every((complaint) => complaint.includes('404'))).toBe(true);
  }));

test('a saved file is in the open page; a broken one is reported with its place, its last version stays', async () => {
  const file = join(inject('folder'), 'live.json');
  const source = JSON.parse(readFileSync(join(inject('folder'), 'states.json'), 'utf8')) as Record<string, unknown>;
  const save = (title: string) => writeFileSync(file, JSON.stringify({ ...source, uid: 'live', title }, null, 2));
  save('Before');
  await eventually('the new dashboard', async () =>
    (await fetch(`${inject('address')}/api/dashboards/uid/live`)).ok ? [] : ['not served yet']
  );
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
  await eventually('the new dashboard', async () =>
    (await fetch(`${inject('address')}/api/dashboards/uid/mixin`)).ok ? [] : ['not served yet']
  );
  await visit('/d/mixin', async ({ page }) => {
    await page.locator('.toolbar-title').getByText('From a mixin').waitFor();
    writeFileSync(library, `{ title: 'From an import' }`);
    await page.locator('.toolbar-title').getByText('From an import').waitFor();
  });
  rmSync(main);
  rmSync(library);
});

test('Explore completes, runs, draws and reports errors', () =>
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

test('a panel opens in Explore with its query as sent', () =>
  visit(PANELS, async ({ page }) => {
    await hasData(page, 'Stacked areas');
    await menu(page, 'Stacked areas', 'Explore');
    await page.waitForURL(/\/explore\?/);
    expect(new URL(page.url()).searchParams.get('expr')).toMatch(
      /^sum by \(k8s_namespace_name\).*k8s_namespace_name=~"(?!\$)/
    );
    await page.locator('.explore-view canvas').first().waitFor();
  }));

test('Cluster shows nodes and their pods', () =>
  visit('/cluster', async ({ page }) => {
    await page.getByText('node-0001').waitFor();
    expect(await page.locator('.node').count()).toBe(10);
    expect(await page.locator('.node .pod').count()).toBeGreaterThanOrEqual(60);
    await page.screenshot({ path: `${shots}cluster.png` });
    await page.getByPlaceholder(/Filter by node/).fill('node-0003');
    await eventually('the filter', async () =>
      (await page.locator('.node').count()) === 1 ? [] : ['more than one node']
    );
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
