import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import type { AnnotationLayer } from '../api/types';
import type { Mark } from '../panels/AnnotationMarks';
import { MINUTE, series, show, START } from '../testing/panel';
import { AnnotationSwitches } from './AnnotationSwitches';
import type { AnnotationQuery, Panel } from './model';
import { marksOf, useAnnotations } from './useAnnotations';

const at = (minutes: number, until = minutes) => ({
  time: START + minutes * MINUTE,
  timeEnd: START + until * MINUTE,
  text: '',
  tags: [],
});
const mark = (minutes: number, more: Partial<Mark> = {}): Mark => ({
  ...at(minutes),
  layer: 'Restarts',
  color: 'red',
  ...more,
});
const layer = (name: string, ids: number[] = [], exclude = false): AnnotationLayer => ({
  name,
  enabled: true,
  color: 'red',
  filter: { ids, exclude },
  annotations: [at(1)],
});

afterEach(() => vi.unstubAllGlobals());

test('a panel shows the layers that are for it', () => {
  const layers = [layer('all'), layer('only', [2]), layer('not', [2], true), { ...layer('off'), enabled: false }];
  const names = (panel: Partial<Panel>) => marksOf(layers, panel as Panel).map(({ layer: name }) => name);
  expect(names({ id: 2 })).toEqual(['all', 'only']);
  expect(names({ id: 3 })).toEqual(['all', 'not']);
  // A copy of a repeated panel is what it is a copy of.
  expect(names({ id: 1002, sourceId: 2 })).toEqual(['all', 'only']);
});

test('a graph has a mark for each annotation in its range, with a line or an area', async () => {
  const marks = [
    mark(1, { title: 'web <b>restarted</b>', tags: ['shop'] }),
    mark(2, { timeEnd: START + 4 * MINUTE }),
    mark(9),
    mark(30),
    mark(-5),
  ];
  show({ type: 'timeseries' }, [series('a', [1, 2, 3])], undefined, marks);
  const buttons = await screen.findAllByRole('button', { name: /2025-01-01/ });
  expect(buttons.map((button) => button.getAttribute('aria-label'))).toEqual([
    'web <b>restarted</b>, 2025-01-01 12:01:00',
    'Restarts, 2025-01-01 12:02:00 – 2025-01-01 12:04:00',
    'Restarts, 2025-01-01 12:09:00',
  ]);
  const widths = buttons.map((button) => parseFloat(button.parentElement?.style.width ?? ''));
  expect(widths[0]).toBe(0);
  expect(widths[1]).toBeGreaterThan(50);
});

test('a mark describes its annotation, without what could run', async () => {
  const text = 'on <i>n1</i><img src=x onerror="hacked()"><script>hacked()</script>';
  show({ type: 'timeseries' }, [series('a', [1, 2, 3])], undefined, [
    mark(1, { title: 'web', text, tags: ['shop', 'Pod'] }),
  ]);
  fireEvent.focus(await screen.findByRole('button', { name: /^web/ }));
  const tip = await screen.findByRole('tooltip');
  expect(tip.textContent).toContain('on n1');
  expect(tip.querySelector('i')).not.toBeNull();
  expect(tip.querySelector('script, [onerror]')).toBeNull();
  expect([...tip.querySelectorAll('.tag')].map((tag) => tag.textContent)).toEqual(['shop', 'Pod']);
  fireEvent.blur(screen.getByRole('button', { name: /^web/ }));
  expect(screen.queryByRole('tooltip')).toBeNull();
});

test('switches are there for layers that do not hide theirs, and say what failed', () => {
  const queries: AnnotationQuery[] = [
    { name: 'on' },
    { name: 'off', enable: false },
    { name: 'hidden', hide: true },
    { name: 'failed', hide: true },
  ];
  const switched: unknown[] = [];
  const layers = [{ ...layer('failed'), error: 'parse error' }];
  render(
    <AnnotationSwitches queries={queries} layers={layers} switched={{}} onSwitch={(...what) => switched.push(what)} />
  );
  const boxes = screen.getAllByRole<HTMLInputElement>('switch');
  expect(boxes.map(({ id, checked }) => [id, checked])).toEqual([
    ['annotation-on', true],
    ['annotation-off', false],
    ['annotation-failed', true],
  ]);
  expect(screen.getByRole('alert').textContent).toContain('parse error');
  fireEvent.click(boxes[1]);
  expect(switched).toEqual([['off', true]]);
});

function Asking({ queries, switched }: { queries: AnnotationQuery[]; switched: Record<string, boolean> }) {
  const layers = useAnnotations('u', queries, '{"from":"now-1h"}', switched, '0');
  return <p>{layers.map(({ name }) => name).join() || 'none'}</p>;
}

test('annotations are asked for when some are wanted, and again when one is switched', async () => {
  const asked: unknown[] = [];
  const answer = (path: string, init: RequestInit) => {
    asked.push([path, JSON.parse(String(init.body))]);
    return Promise.resolve(new Response(JSON.stringify({ layers: [layer('a')] })));
  };
  vi.stubGlobal('fetch', answer);
  const builtIn: AnnotationQuery = { name: 'Annotations & Alerts', builtIn: 1, enable: true };
  const { rerender } = render(<Asking queries={[builtIn]} switched={{}} />);
  expect(asked).toEqual([]);
  rerender(<Asking queries={[builtIn, { name: 'a', enable: false }]} switched={{ a: true }} />);
  await screen.findByText('a');
  expect(asked).toEqual([['/api/diorama/v1/dashboards/u/annotations', { from: 'now-1h', enabled: { a: true } }]]);
  rerender(<Asking queries={[builtIn, { name: 'a', enable: false }]} switched={{ a: false }} />);
  await waitFor(() => screen.getByText('none'));
  expect(asked).toHaveLength(1);
});
