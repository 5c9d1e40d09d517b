import { useCallback, useEffect, useState } from 'react';
import { rangeUtil } from '@grafana/data';

export interface Refresh {
  interval: string;
  count: number;
  now: () => void;
}

/** Counts up every interval (`10s`, `1m`), not while nobody sees the page. */
export function useRefresh(interval: string): Refresh {
  const [count, setCount] = useState(0);
  const now = useCallback(() => setCount((n) => n + 1), []);
  useEffect(() => {
    if (!/^\d+(ms|s|m|h|d)$/.test(interval)) {
      return;
    }
    const milliseconds = Math.max(1000, rangeUtil.intervalToMs(interval));
    const timer = setInterval(() => document.hidden || now(), milliseconds);
    return () => clearInterval(timer);
  }, [interval, now]);
  return { interval, count, now };
}
