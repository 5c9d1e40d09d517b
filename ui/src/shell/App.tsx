import { lazy, Suspense, type ReactNode } from 'react';
import { ErrorBoundaryAlert, GlobalStyles, LoadingPlaceholder, PortalContainer } from '@grafana/ui';
import { DashboardPage } from '../dashboard/DashboardPage';
import { DashboardList } from '../pages/DashboardList';
import { ClusterPage } from '../pages/ClusterPage';
import { EventsPage } from '../pages/EventsPage';
import { StatusPage } from '../pages/StatusPage';
import { followAnchors, usePlace, type Place } from '../router';
import { FileErrors } from './FileErrors';
import { Nav } from './Nav';
import { ThemeProvider } from './theme';

// The editor is large, and most visits never open it.
const ExplorePage = lazy(() => import('../explore/ExplorePage'));

function pageOf({ path }: Place): ReactNode {
  const dashboard = /^\/d\/([^/]+)/.exec(path);
  if (dashboard) {
    const uid = decodeURIComponent(dashboard[1]);
    return <DashboardPage key={uid} uid={uid} />;
  }
  switch (path.replace(/\/+$/, '')) {
    case '':
    case '/dashboards':
      return <DashboardList />;
    case '/explore':
      return <ExplorePage />;
    case '/cluster':
      return <ClusterPage />;
    case '/events':
      return <EventsPage />;
    case '/status':
      return <StatusPage />;
    default:
      return (
        <div className="page">
          <h1>Not found</h1>
          <p>
            There is no page at <code>{path}</code>. <a href="/dashboards">All dashboards</a>
          </p>
        </div>
      );
  }
}

export function App() {
  const place = usePlace();
  const kiosk = place.query.has('kiosk');
  return (
    <ThemeProvider>
      <GlobalStyles />
      {/* Clicks on plain links inside panels bubble up to here. */}
      <div className={kiosk ? 'app kiosk' : 'app'} onClick={followAnchors}>
        {!kiosk && <Nav path={place.path} />}
        <main className="main">
          <FileErrors />
          <ErrorBoundaryAlert key={place.path}>
            <Suspense fallback={<LoadingPlaceholder text="Loading" />}>{pageOf(place)}</Suspense>
          </ErrorBoundaryAlert>
        </main>
      </div>
      <PortalContainer />
    </ThemeProvider>
  );
}
