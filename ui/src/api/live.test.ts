import { beforeEach, expect, test, vi } from 'vitest';
import type { LiveMessage } from './types';

/** Stands for the browser's: what it says, and when it ends, is up to the test. */
class Stream {
  static readonly CLOSED = 2;
  static opened: Stream[] = [];
  readyState = 1;
  onmessage?: (event: { data: string }) => void;
  onerror?: () => void;
  constructor(readonly url: string) {
    Stream.opened.push(this);
  }
  say(message: LiveMessage) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal('EventSource', Stream);
  Stream.opened = [];
});

async function heard() {
  const { live } = await import('./live');
  const types: string[] = [];
  live.listen(({ type }) => types.push(type));
  return types;
}

test('a connection that is back is reported, the first one is not', async () => {
  const types = await heard();
  Stream.opened[0].say({ type: 'hello' });
  expect(types).toEqual(['hello']);
  Stream.opened[0].say({ type: 'hello' });
  expect(types).toEqual(['hello', 'back', 'hello']);
});

test('a stream that was refused is opened again', async () => {
  vi.useFakeTimers();
  const types = await heard();
  const [first] = Stream.opened;
  first.say({ type: 'hello' });
  first.onerror?.(); // the browser tries by itself
  vi.runAllTimers();
  expect(Stream.opened).toHaveLength(1);
  first.readyState = Stream.CLOSED;
  first.onerror?.();
  vi.runAllTimers();
  expect(Stream.opened).toHaveLength(2);
  Stream.opened[1].say({ type: 'hello' });
  expect(types).toEqual(['hello', 'back', 'hello']);
  vi.useRealTimers();
});
