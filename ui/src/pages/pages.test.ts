import { expect, test } from 'vitest';
import { rangeFrames, seriesName, stepSeconds, tableFrame } from '../explore/prometheus';
import { alertsOf } from '../panels/AlertListPanel';
import { linesOfEvents } from '../panels/LogsPanel';
import { countBy, filtered, stateOf, type Node, type Pod } from './cluster';
import { coresText, memoryText } from './ClusterPage';
import { grouped } from './DashboardList';
import { choices } from './EventsPage';

const pod = (name: string, phase = 'Running', ready = 1): Pod => ({
  namespace: 'shop',
  name,
  phase,
  ready,
  containers: 1,
  restarts: 0,
  owner: { kind: 'ReplicaSet', name: 'web' },
});
const node = (name: string, pods: Pod[]): Node => ({
  name,
  ready: true,
  unschedulable: false,
  roles: [],
  allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
  pods,
});

test('a pod that runs without being ready is distinguished', () => {
  expect([pod('a'), pod('b', 'Running', 0), pod('c', 'Pending', 0)].map(stateOf)).toEqual([
    'Running',
    'Unready',
    'Pending',
  ]);
  expect(countBy([pod('a'), pod('b'), pod('c', 'Failed')], stateOf)).toEqual([
    ['Running', 2],
    ['Failed', 1],
  ]);
});

test('the filter finds nodes with all their pods, and pods with their nodes', () => {
  const cluster = {
    nodes: [node('node-1', [pod('web-1'), pod('db-1')]), node('node-2', [pod('web-2')])],
    pending: [pod('db-9', 'Pending', 0)],
  };
  const names = (search: string) =>
    filtered(cluster, search).nodes.map(({ name, pods }) => [name, pods.map((p) => p.name)]);
  expect(names('node-1')).toEqual([['node-1', ['web-1', 'db-1']]]);
  expect(names('SHOP web')).toEqual([
    ['node-1', ['web-1', 'db-1']],
    ['node-2', ['web-2']],
  ]);
  expect(names('db-')).toEqual([['node-1', ['db-1']]]);
  expect(filtered(cluster, 'pending').pending).toHaveLength(1);
  expect(filtered(cluster, ' ')).toEqual(cluster);
});

test('quantities are shown in units of people', () => {
  expect([memoryText('16Gi'), memoryText('15728640Ki'), memoryText('16106127360')]).toEqual([
    '16Gi',
    '15 GiB',
    '15 GiB',
  ]);
  expect([coresText('7910m'), coresText('4'), coresText('4000m')]).toEqual(['7.9', '4', '4']);
});

test('dashboards are grouped by folder, those without one first', () => {
  const hit = (title: string, folderTitle?: string) => ({ uid: title, title, url: '', tags: [], folderTitle });
  const groups = grouped([hit('b', 'Mine'), hit('a', 'Mine'), hit('c')]);
  expect(groups.map(([folder, hits]) => [folder, hits.map(({ title }) => title)])).toEqual([
    ['', ['c']],
    ['Mine', ['a', 'b']],
  ]);
});

test('events offer their own values to choose among, and are lines of logs', () => {
  const event = {
    id: 1,
    message: 'Back-off',
    count: 1,
    lastTime: '2025-01-01T00:00:00Z',
    type: 'Warning',
    reason: 'BackOff',
    namespace: 'shop',
  };
  expect(choices([event, { ...event, reason: 'Created' }, { ...event, reason: undefined }], 'reason')).toEqual([
    'BackOff',
    'Created',
  ]);
  expect(linesOfEvents([event])).toEqual([
    {
      time: Date.UTC(2025, 0, 1),
      body: 'Back-off',
      level: 'Warning',
      labels: [
        ['type', 'Warning'],
        ['namespace', 'shop'],
        ['reason', 'BackOff'],
      ],
    },
  ]);
});

test('alerts: firing ones first, the newest first among equals, filtered as the panel says', () => {
  const alert = (alertname: string, state: string, activeAt: string) => ({ state, activeAt, labels: { alertname } });
  const answer = {
    data: {
      groups: [
        {
          rules: [
            {
              name: 'x',
              alerts: [
                alert('Old', 'firing', '2025-01-01'),
                alert('Waits', 'pending', '2025-01-03'),
                alert('New', 'firing', '2025-01-02'),
              ],
            },
          ],
        },
      ],
    },
  };
  const names = (options: Parameters<typeof alertsOf>[1]) =>
    alertsOf(answer, options).map(({ labels }) => labels.alertname);
  expect(names({})).toEqual(['New', 'Old', 'Waits']);
  expect(names({ stateFilter: { pending: false } })).toEqual(['New', 'Old']);
  expect(names({ alertName: 'ol', maxItems: 5 })).toEqual(['Old']);
  expect(names({ maxItems: 1 })).toEqual(['New']);
});

test('Explore names series as Prometheus does', () => {
  expect([
    seriesName({ __name__: 'up', job: 'a"b' }),
    seriesName({ job: 'a' }),
    seriesName({ __name__: 'up' }),
    seriesName({}),
  ]).toEqual(['up{job="a\\"b"}', '{job="a"}', 'up', '{}']);
});

test('Explore makes graphs and tables of results', () => {
  const matrix = {
    resultType: 'matrix' as const,
    result: [
      {
        metric: { pod: 'a' },
        values: [
          [1, '2'],
          [2, 'NaN'],
        ] as Array<[number, string]>,
      },
    ],
  };
  const [frame] = rangeFrames(matrix, 'A');
  expect(frame.fields.map(({ values }) => values)).toEqual([
    [1000, 2000],
    [2, NaN],
  ]);
  const vector: Parameters<typeof tableFrame>[0] = {
    resultType: 'vector',
    result: [
      { metric: { pod: 'a' }, value: [1, '2'] },
      { metric: { node: 'n' }, value: [1, '+Inf'] },
    ],
  };
  expect(tableFrame(vector, 'A').fields.map(({ name, values }) => [name, values])).toEqual([
    ['node', ['', 'n']],
    ['pod', ['a', '']],
    ['Value', [2, Infinity]],
  ]);
  expect(tableFrame({ resultType: 'scalar', result: [1, '5'] }, 'A').fields[0].values).toEqual(['5']);
  expect(stepSeconds(0, 3_600_000, 600)).toBe(6);
  expect(stepSeconds(0, 1000, 600)).toBe(5);
});
