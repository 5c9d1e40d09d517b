import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { eventually, visits } from './browser';

const visit = visits();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A server of dashboards alone, over the environment's Prometheus, until it is ended. */
async function serve(port: number, folder: string): Promise<ChildProcess> {
  const prometheus = `${inject('address')}/api/datasources/proxy/uid/prometheus`;
  const args = ['dashboards', '--listen', `127.0.0.1:${port}`, '--prometheus', prometheus, '--dashboards', folder];
  const server = spawn(process.env.DIORAMA_BINARY ?? 'diorama', args, { stdio: 'ignore' });
  await eventually('the server', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/health`).catch(() => undefined);
    return answer?.ok ? [] : ['does not answer'];
  });
  return server;
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    server.kill('SIGTERM');
    await once(server, 'exit');
  }
}

test('what changed while the server was away is in the open page when it is back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'diorama-live-'));
  const save = (title: string) =>
    writeFileSync(join(folder, 'away.json'), JSON.stringify({ uid: 'away', title, panels: [] }));
  save('Before');
  const port = await freePort();
  let server = await serve(port, folder);
  try {
    await visit('/status', async ({ page, complaints }) => {
      await page.goto(`http://127.0.0.1:${port}/d/away`);
      const title = page.locator('.toolbar-title');
      await title.getByText('Before').waitFor();
      await end(server);
      save('After');
      server = await serve(port, folder);
      await title.getByText('After').waitFor();
      // The browser writes down that nobody was there, which this is about.
      expect(complaints.splice(0).filter((complaint) => !complaint.includes('/live'))).toEqual([]);
    });
  } finally {
    await end(server);
    rmSync(folder, { recursive: true });
  }
});

async function prometheus(): Promise<string> {
  const answer = await fetch(`${inject('address')}/api/diorama/v1/status`);
  return ((await answer.json()) as { endpoints: { prometheus: string } }).endpoints.prometheus;
}

test('who opens Prometheus is redirected to Explore with the same query, to alerts and to the status', () =>
  visit('/status', async ({ page }) => {
    const base = await prometheus();
    await page.goto(`${base}/graph?g0.expr=count(k8s_node_uptime_seconds_total)%2B1&g0.tab=0&g0.range_input=15m`);
    await page.waitForURL(/\/explore\?/);
    const led = new URL(page.url());
    expect(led.origin).toBe(new URL(inject('address')).origin);
    expect(led.searchParams.get('expr')).toBe('count(k8s_node_uptime_seconds_total)+1');
    expect(led.searchParams.get('from')).toBe('now-15m');
    await page.getByRole('textbox', { name: 'Query A' }).getByText('k8s_node_uptime_seconds_total').waitFor();
    await page.goto(`${base}/query?g0.expr=vector(1)&g1.expr=vector(2)`);
    await page.getByRole('textbox', { name: 'Query B' }).getByText('vector').waitFor();
    await page.goto(`${base}/alerts`);
    await page.getByRole('textbox', { name: 'Query A' }).getByText('ALERTS').waitFor();
    await page.goto(`${base}/status`);
    await page.getByRole('rowheader', { name: 'etcd' }).waitFor();
    await page.goto(base);
    await page.getByText('Kubernetes / Cluster', { exact: true }).waitFor();
    await page.goto(`${base}/rules`);
    await page.getByRole('link', { name: '/api/v1/rules' }).click();
    await page.getByText('"groupLimit"').or(page.getByText('"groups"')).first().waitFor();
  }));
