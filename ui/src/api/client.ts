import { useEffect, useState } from 'react';

/** An answer of the API that is not a success, with what the API said about it. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number
  ) {
    super(message);
  }
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { message?: string; error?: string };
    return body.message ?? body.error ?? text;
  } catch {
    return text.slice(0, 300) || `${response.status} ${response.statusText}`;
  }
}

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await fetch(path, init).catch((error: unknown) => {
    throw isAbort(error)
      ? error
      : new ApiError('diorama does not answer. Is the environment still up? `diorama list` says.', 0);
  });
  if (!response.ok) {
    throw new ApiError(await messageOf(response), response.status);
  }
  return (await response.json()) as T;
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>(path, { signal });
}

export function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return request<T>(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
}

/** Whether an error only says that a newer request took this one's place. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

export interface Loaded<T> {
  data?: T;
  error?: string;
  loading: boolean;
}

/** Fetches path now and every `everySeconds`, keeping the last good answer while it asks again. */
export function useGet<T>(path: string | null, everySeconds = 0, key: unknown = 0): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({ loading: true });
  useEffect(() => {
    if (path === null) {
      return;
    }
    const abort = new AbortController();
    const load = async () => {
      try {
        const data = await get<T>(path, abort.signal);
        setState({ data, loading: false });
      } catch (error) {
        if (!isAbort(error)) {
          setState((old) => ({ data: old.data, error: String((error as Error).message), loading: false }));
        }
      }
    };
    void load();
    const timer =
      everySeconds > 0 ? setInterval(() => document.hidden || void load(), everySeconds * 1000) : undefined;
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [path, everySeconds, key]);
  return state;
}
