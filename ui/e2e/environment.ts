import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

/**
 * Brings an environment up with the real binary, on free ports and in a folder of its own, and takes it down.
 * While the page is worked on, DIORAMA_ADDRESS and DIORAMA_FOLDER name one that is up already.
 */
export default function environment(project: TestProject): () => void {
  if (process.env.DIORAMA_ADDRESS && process.env.DIORAMA_FOLDER) {
    project.provide('address', process.env.DIORAMA_ADDRESS);
    project.provide('folder', process.env.DIORAMA_FOLDER);
    return () => undefined;
  }
  const binary = process.env.DIORAMA_BINARY;
  if (!binary) {
    throw new Error('DIORAMA_BINARY is not set; run `make e2e-page`');
  }
  const home = mkdtempSync(join(tmpdir(), 'diorama-page-'));
  const folder = join(home, 'dashboards');
  cpSync(join(import.meta.dirname, 'dashboards'), folder, { recursive: true });
  const env = {
    ...process.env,
    HOME: home,
    DIORAMA_HOME: join(home, 'state'),
    KUBECONFIG: join(home, 'kubeconfig'),
    NO_COLOR: '1',
  };
  const diorama = (...args: string[]) =>
    execFileSync(binary, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const end = () => {
    diorama('down', '--all');
    rmSync(home, { recursive: true, force: true });
  };
  try {
    diorama('up', '--name', 'page', '--ports', 'auto', '--nodes', '10', '--pods', '60', '--dashboards', folder);
    const { endpoints } = JSON.parse(diorama('status', '--name', 'page', '-o', 'json')) as {
      endpoints: { dashboards: string };
    };
    project.provide('address', endpoints.dashboards);
    project.provide('folder', folder);
  } catch (error) {
    end();
    throw error;
  }
  return end;
}
