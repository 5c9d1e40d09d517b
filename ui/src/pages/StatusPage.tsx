import { useEffect, type ReactNode } from 'react';
import { formattedValueToString, getValueFormat } from '@grafana/data';
import { Alert, LoadingPlaceholder } from '@grafana/ui';
import { useGet } from '../api/client';

interface Component {
  name: string;
  phase: string;
  pid?: number;
  restarts: number;
  startedIn: string;
  rssBytes: number;
  message?: string;
}

interface Status {
  name?: string;
  kind: string;
  phase: string;
  message?: string;
  startedIn: string;
  kubeContext: string;
  endpoints: Record<string, string>;
  cluster: {
    nodes: { desired: number; ready: number };
    pods: { desired: number; running: number };
    daemonPods: number;
    jobPods: number;
  };
  components: Component[];
  telemetry: {
    series: number;
    samplesPerSecond: number;
    lastSampleAge: number;
    failedScrapes: number;
    droppedSamples: number;
    events: number;
    error?: string;
  };
  rssBytes: number;
}

const GOOD_PHASES = /^(ready|running|up|started)$/i;

function format(unit: string, value: number, decimals = 0): string {
  return formattedValueToString(getValueFormat(unit)(value, decimals));
}

/** `Kubernetes API` for `kubernetes`, and so on; what is not known is shown as it is. */
const ENDPOINTS: Record<string, string> = {
  dashboards: 'Dashboards',
  prometheus: 'Prometheus API',
  otlpGRPC: 'OTLP over gRPC',
  otlpHTTP: 'OTLP over HTTP',
  kubernetes: 'Kubernetes API',
  kubelet: 'Kubelets',
  collectorMetrics: 'Collector of the cluster, metrics',
  nodeMetrics: 'Collector of the nodes, metrics',
};

function Figure({ name, bad = false, children }: { name: string; bad?: boolean; children: ReactNode }) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd className={bad ? 'bad' : undefined}>{children}</dd>
    </div>
  );
}

function Figures({ status: { telemetry, cluster, rssBytes } }: { status: Status }) {
  const { nodes, pods, daemonPods, jobPods } = cluster;
  const { lastSampleAge: age } = telemetry;
  return (
    <dl className="figures">
      <Figure name="Nodes ready" bad={nodes.ready < nodes.desired}>{`${nodes.ready} of ${nodes.desired}`}</Figure>
      <Figure name="Pods running" bad={pods.running < pods.desired}>{`${pods.running} of ${pods.desired}`}</Figure>
      <Figure name="Pods of daemon sets, of jobs">{`${daemonPods}, ${jobPods}`}</Figure>
      <Figure name="Series">{telemetry.series.toLocaleString('en')}</Figure>
      <Figure name="Samples per second">{format('short', telemetry.samplesPerSecond, 1)}</Figure>
      <Figure name="Newest sample" bad={age < 0 || age > 60}>
        {age < 0 ? 'none yet' : `${format('s', age, 1)} ago`}
      </Figure>
      <Figure name="Failed scrapes" bad={telemetry.failedScrapes > 0}>
        {telemetry.failedScrapes}
      </Figure>
      <Figure name="Dropped samples" bad={telemetry.droppedSamples > 0}>
        {telemetry.droppedSamples}
      </Figure>
      <Figure name="Events">{telemetry.events.toLocaleString('en')}</Figure>
      <Figure name="Memory of all processes">{format('bytes', rssBytes, 1)}</Figure>
    </dl>
  );
}

function Components({ components }: { components: Component[] }) {
  return (
    <table className="plain-table">
      <thead>
        <tr>
          {['Component', 'Phase', 'Process', 'Restarts', 'Started in', 'Memory', ''].map((title) => (
            <th key={title} scope="col">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {components.map(({ name, phase, pid, restarts, startedIn, rssBytes, message }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td className={GOOD_PHASES.test(phase) ? 'good' : 'bad'}>{phase}</td>
            <td className="number">{pid}</td>
            <td className={restarts ? 'number bad' : 'number'}>{restarts}</td>
            <td className="number">{startedIn}</td>
            <td className="number">{rssBytes > 0 && format('bytes', rssBytes, 1)}</td>
            <td>{message}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Endpoints({ endpoints }: { endpoints: Record<string, string> }) {
  return (
    <table className="plain-table">
      <tbody>
        {Object.entries(endpoints)
          .filter(([, address]) => address)
          .map(([name, address]) => (
            <tr key={name}>
              <th scope="row">{ENDPOINTS[name] ?? name}</th>
              <td>
                <code>{address}</code>
              </td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

/** What `diorama status` prints: the components, and whether the telemetry flows. */
export function StatusPage() {
  const { data, error, loading } = useGet<Status>('/api/diorama/v1/status', 5);
  useEffect(() => {
    document.title = 'Status · diorama';
  }, []);
  const isEnvironment = data?.name !== undefined;
  return (
    <div className="page">
      <h1>Status</h1>
      {error && (
        <Alert severity="error" title="The status cannot be loaded">
          {error}
        </Alert>
      )}
      {loading && <LoadingPlaceholder text="Loading" />}
      {data && !isEnvironment && (
        <p>These dashboards are served without an environment: there is no status to show.</p>
      )}
      {data && isEnvironment && (
        <>
          <p>
            Environment <strong>{data.name}</strong> ({data.kind}) is{' '}
            <strong className={GOOD_PHASES.test(data.phase) ? 'good' : 'bad'}>{data.phase}</strong>; it was up in{' '}
            {data.startedIn}. Its context is <code>{data.kubeContext}</code>.
          </p>
          {(data.message ?? data.telemetry.error) && (
            <Alert severity="warning" title="Something is not as it should be">
              {data.message ?? data.telemetry.error}
            </Alert>
          )}
          <Figures status={data} />
          <h2>Components</h2>
          <Components components={data.components} />
          <h2>Where it listens</h2>
          <Endpoints endpoints={data.endpoints} />
        </>
      )}
    </div>
  );
}
