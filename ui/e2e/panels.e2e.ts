import { expect, test } from 'vitest';
import {
  asked,
  eventually,
  GROWING,
  hasData,
  menu,
  panel,
  panels,
  PANELS,
  shoot,
  shots,
  showAll,
  visits,
} from './browser';

const visit = visits();

test('every kind of panel has data, dark and light', () =>
  visit(GROWING, async ({ page }) => {
    await shoot(page, GROWING, 'panels');
  }));

test('graphs, heatmaps and state timelines are drawn', () =>
  visit(GROWING, async ({ page }) => {
    await showAll(page);
    for (const title of [
      'Stacked areas',
      'Heatmap of buckets',
      'Heatmap of values',
      'State timeline',
      'Status history',
    ]) {
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
              if (
                data[i + 3] > 100 &&
                Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60
              ) {
                found.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
              }
            }
            return found.size;
          });
      await eventually(title, async () => ((await colors()) > 0 ? [] : ['nothing coloured is drawn']));
    }
    for (const [title, least] of [
      ['Bar chart', 8],
      ['Histogram', 3],
      ['Lying, stacked', 10],
    ] as const) {
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
    expect(
      await page
        .locator('.text-panel script, .text-panel [onerror], .text-panel [onclick], a[href^="javascript"]')
        .count()
    ).toBe(0);
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
    await eventually('the legend', async () =>
      (await panel(page, 'Stacked areas').innerText()).includes('payments') ? [] : ['only shop']
    );
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
    await eventually('the text box', async () =>
      /node-0002/.test(await legend()) && !/node-0003/.test(await legend()) ? [] : [await legend()]
    );
    await write('filters', 'k8s_node_name!=node-0001');
    await eventually('the filter', async () =>
      /node-0002/.test(await legend()) && !/node-0001/.test(await legend()) ? [] : [await legend()]
    );
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
    await panel(page, 'Alerts')
      .getByText(/rules are watched|firing|pending/i)
      .first()
      .waitFor();
    await panel(page, 'Events').locator('.log').first().waitFor();
  }));

test('links go on with variables and time', () =>
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
    page.on(
      'request',
      (request) => request.url().endsWith('/query') && sent.push(request.url().replace(/.*panels\//, ''))
    );
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
    await eventually('the crosshair', async () =>
      (await cursor.evaluate((e) => e.classList.contains('u-off'))) ? ['not shown'] : []
    );
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
    await eventually('isolated', async () =>
      (await dimmed()) === count - 1 ? [] : [`${await dimmed()} of ${count} are dimmed`]
    );
    await labels.filter({ hasText: 'shop' }).click();
    await eventually('all', async () => ((await dimmed()) === 0 ? [] : [`${await dimmed()} are dimmed`]));
  }));

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

test('inspect shows the query as sent, the data and the JSON', () =>
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

test('panels say why they have no data', () =>
  visit('/d/states', async ({ page }) => {
    const text = (title: string) => panel(page, title).locator('[data-state]').innerText();
    await hasData(page, 'Good');
    await eventually('panels', async () =>
      (await panels(page)).filter(({ state }) => state === 'loading').map(({ title }) => title)
    );
    expect(await text('No such metric')).toContain('no metric is named no_such_metric');
    expect(await text('No such labels')).toContain('k8s_node_name="nowhere"');
    expect(await text('Broken query')).toContain('unclosed left parenthesis');
    expect(await text('Another source')).toContain('influxdb');
    expect(await page.getByRole('alert').innerText()).toContain('parse error');
    await page.screenshot({ path: `${shots}states.png` });
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
