import { useEffect, useSyncExternalStore } from 'react';
import type { FileError, LiveMessage } from './types';

/** How long after a refusal the stream is opened again: a browser does so by itself only when nobody answers. */
const RETRY = 3000;

type Listener = (message: LiveMessage) => void;

/** One event stream for the whole page: browsers allow few connections to one host. */
class LiveStream {
  private readonly listeners = new Set<Listener>();
  private readonly watchers = new Set<() => void>();
  private source?: EventSource;
  private greeted = false;
  private failed = new Map<string, FileError>();
  private errors: FileError[] = [];

  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    this.open();
    return () => this.listeners.delete(listener);
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher);
    this.open();
    return () => this.watchers.delete(watcher);
  };

  readonly current = (): FileError[] => this.errors;

  private open(): void {
    if (this.source) {
      return;
    }
    const source = new EventSource('/api/diorama/v1/live');
    source.onmessage = (event: MessageEvent<string>) => this.take(JSON.parse(event.data) as LiveMessage);
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        this.source = undefined;
        setTimeout(() => this.open(), RETRY);
      }
    };
    this.source = source;
  }

  private take(message: LiveMessage): void {
    if (message.type === 'hello') {
      // Said anew on every connection: what was broken before may have been mended meanwhile.
      this.failed = new Map((message.errors ?? []).map((error) => [error.file, error]));
      this.changed();
      if (this.greeted) {
        this.tell({ type: 'back' });
      }
      this.greeted = true;
    } else if (message.type === 'error') {
      this.failed.set(message.file, message);
      this.changed();
    } else if (message.type === 'ok' && this.failed.delete(message.file)) {
      this.changed();
    }
    this.tell(message);
  }

  private tell(message: LiveMessage): void {
    this.listeners.forEach((listener) => listener(message));
  }

  dismiss(file: string): void {
    this.failed.delete(file);
    this.changed();
  }

  private changed(): void {
    this.errors = [...this.failed.values()];
    this.watchers.forEach((watcher) => watcher());
  }
}

export const live = new LiveStream();

export function useLive(listener: Listener): void {
  useEffect(() => live.listen(listener), [listener]);
}

export function useFileErrors(): FileError[] {
  return useSyncExternalStore(live.watch, live.current);
}
