import { Icon, type IconName } from '@grafana/ui';
import { Link } from '../router';
import { useMode } from './theme';

const ITEMS: Array<{ href: string; label: string; icon: IconName; own: RegExp }> = [
  { href: '/dashboards', label: 'Dashboards', icon: 'apps', own: /^\/($|dashboards|d\/)/ },
  { href: '/explore', label: 'Explore', icon: 'compass', own: /^\/explore/ },
  { href: '/cluster', label: 'Cluster', icon: 'kubernetes', own: /^\/cluster/ },
  { href: '/events', label: 'Events', icon: 'list-ul', own: /^\/events/ },
  { href: '/status', label: 'Status', icon: 'tachometer-fast', own: /^\/status/ },
];

export function Nav({ path }: { path: string }) {
  const { mode, toggle } = useMode();
  return (
    <nav className="nav" aria-label="Main">
      <Link href="/dashboards" className="nav-brand" aria-label="diorama, all dashboards">
        <img src="/diorama.svg" alt="" width={24} height={24} />
      </Link>
      {ITEMS.map(({ href, label, icon, own }) => (
        <Link key={href} href={href} className="nav-item" aria-current={own.test(path) ? 'page' : undefined}>
          <Icon name={icon} size="lg" />
          <span>{label}</span>
        </Link>
      ))}
      <button
        type="button"
        className="nav-item nav-end"
        onClick={toggle}
        aria-label={`Use the ${mode === 'dark' ? 'light' : 'dark'} theme`}
      >
        <Icon name={'palette'} size="lg" />
        <span>{mode === 'dark' ? 'Light' : 'Dark'}</span>
      </button>
    </nav>
  );
}
