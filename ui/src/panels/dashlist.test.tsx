import { render, screen } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import type { SearchHit, Variable } from '../api/types';
import { DashboardContext, type DashboardState } from '../dashboard/context';
import { propsOf } from '../testing/panel';
import { DashListPanel } from './DashListPanel';

afterEach(() => vi.unstubAllGlobals());

/** Shows the panel in a dashboard of one variable, and returns what it asks. */
function showList(options: Record<string, unknown>, answer: () => Response): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path);
    return Promise.resolve(answer());
  });
  const props = propsOf({ type: 'dashlist', options }, []);
  const cluster: Variable = {
    name: 'cluster',
    label: '',
    type: 'query',
    hide: 0,
    multi: false,
    includeAll: false,
    current: { text: ['a'], value: ['a'] },
    options: [],
  };
  const state = {
    range: { ...props.range, raw: { from: 'now-1h', to: 'now' } },
    resolved: { variables: [cluster], values: {}, panels: [] },
  } as unknown as DashboardState;
  render(
    <DashboardContext.Provider value={state}>
      <DashListPanel {...props} />
    </DashboardContext.Provider>
  );
  return asked;
}

const hit = (uid: string, more: Partial<SearchHit> = {}): SearchHit => ({
  uid,
  title: `The ${uid}`,
  url: `/d/${uid}/x`,
  tags: [],
  ...more,
});
const found =
  (...hits: SearchHit[]) =>
  () =>
    new Response(JSON.stringify(hits));
const links = () => screen.getAllByRole('link').map((link) => link.getAttribute('href'));

test('asks for what its options say, and lists it with folders', async () => {
  const asked = showList(
    { query: 'pod', tags: ['k8s', 'a b'], maxItems: 5 },
    found(hit('pods', { folderTitle: 'Team' }), hit('nodes'))
  );
  await screen.findByText('The pods');
  expect(asked).toEqual(['/api/search?type=dash-db&query=pod&limit=5&tag=k8s&tag=a+b']);
  expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual(['The pods Team', 'The nodes']);
  expect(links()).toEqual(['/d/pods/x', '/d/nodes/x']);
});

test('asks for 30 of all without options, and carries time and variables where it is to', async () => {
  const asked = showList({ keepTime: true, includeVars: true }, found(hit('pods')));
  await screen.findByText('The pods');
  expect(asked).toEqual(['/api/search?type=dash-db&query=&limit=30']);
  expect(links()).toEqual(['/d/pods/x?from=now-1h&to=now&var-cluster=a']);
});

test('says what failed', async () => {
  showList({}, () => new Response('{"message":"no dashboards today"}', { status: 502 }));
  expect(await screen.findByText('no dashboards today')).toBeTruthy();
});
