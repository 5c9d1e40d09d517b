import { useCallback, useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from 'react';

export interface Place {
  path: string;
  query: URLSearchParams;
}

const changed = new EventTarget();
let place = read();

function read(): Place {
  return { path: window.location.pathname, query: new URLSearchParams(window.location.search) };
}

function announce(): void {
  place = read();
  changed.dispatchEvent(new Event('change'));
}

window.addEventListener('popstate', announce);

/** Goes to a path of this page, or away when the address is of another site. */
export function navigate(href: string, options?: { replace?: boolean }): void {
  const target = new URL(href, window.location.href);
  if (target.origin !== window.location.origin) {
    window.location.assign(target);
    return;
  }
  const address = target.pathname + target.search + target.hash;
  if (options?.replace) {
    window.history.replaceState(null, '', address);
  } else {
    window.history.pushState(null, '', address);
  }
  announce();
}

export function setQuery(change: (query: URLSearchParams) => void, options?: { replace?: boolean }): void {
  const query = new URLSearchParams(window.location.search);
  change(query);
  const text = query.toString();
  navigate(window.location.pathname + (text ? `?${text}` : ''), options);
}

function subscribe(listener: () => void): () => void {
  changed.addEventListener('change', listener);
  return () => changed.removeEventListener('change', listener);
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, () => place);
}

/** Whether a click is a plain one, which the page may answer itself. */
function isPlainClick(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

/** Panels render links as plain anchors; clicks on those to this page must not load it anew. */
export function followAnchors(event: MouseEvent): void {
  if (event.defaultPrevented || !isPlainClick(event) || !(event.target instanceof Element)) {
    return;
  }
  const anchor = event.target.closest('a[href]');
  if (!(anchor instanceof HTMLAnchorElement) || anchor.target === '_blank' || anchor.hasAttribute('download')) {
    return;
  }
  if (anchor.origin === window.location.origin && !anchor.pathname.startsWith('/api/')) {
    event.preventDefault();
    navigate(anchor.href);
  }
}

export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const go = useCallback(
    (event: MouseEvent<HTMLAnchorElement>) => {
      onClick?.(event);
      if (!event.defaultPrevented && isPlainClick(event) && rest.target !== '_blank') {
        event.preventDefault();
        navigate(href);
      }
    },
    [href, onClick, rest.target]
  );
  return <a href={href} onClick={go} {...rest} />;
}
