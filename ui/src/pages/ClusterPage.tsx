import { useEffect, useMemo } from 'react';
import { Alert, FilterInput, Icon, LoadingPlaceholder } from '@grafana/ui';
import { useGet } from '../api/client';
import { Link, setQuery, usePlace } from '../router';
import { countBy, filtered, stateOf, type Cluster, type Node, type Pod } from './cluster';

const EVERY_SECONDS = 5;
const MOST_NODES = 200;

function PodMark({ pod }: { pod: Pod }) {
  const { namespace, name, owner, ready, containers, restarts } = pod;
  const about = [
    `${namespace}/${name}`,
    stateOf(pod),
    `${ready}/${containers} ready`,
    `${restarts} restarts`,
    owner.kind && `${owner.kind} ${owner.name}`,
  ];
  const query = new URLSearchParams({ 'var-namespace': namespace, 'var-pod': name });
  const text = about.filter(Boolean).join('\n');
  return (
    <Link
      href={`/d/diorama-pod?${query}`}
      className={`pod pod-${stateOf(pod).toLowerCase()}`}
      title={text}
      aria-label={text}
    />
  );
}

function NodeCard({ node }: { node: Node }) {
  const { name, ready, unschedulable, roles, allocatable, pods } = node;
  return (
    <li className={ready ? 'node' : 'node node-bad'}>
      <div className="node-title">
        <Link href={`/d/diorama-node?${new URLSearchParams({ 'var-node': name })}`}>{name}</Link>
        <span className={ready ? 'good' : 'bad'}>{ready ? 'ready' : 'not ready'}</span>
        {unschedulable && <span className="bad">cordoned</span>}
      </div>
      <div className="quiet">
        {[
          ...roles,
          `${coresText(allocatable.cpu)} CPU`,
          memoryText(allocatable.memory),
          `${pods.length}/${allocatable.pods} pods`,
        ].join(' · ')}
      </div>
      <div className="pods">
        {pods.map((pod) => (
          <PodMark key={`${pod.namespace}/${pod.name}`} pod={pod} />
        ))}
      </div>
    </li>
  );
}

/** `7910m` as 7.9 cores. */
export function coresText(quantity: string): string {
  const [, thousandths] = /^(\d+)m$/.exec(quantity) ?? [];
  return thousandths ? (Number(thousandths) / 1000).toFixed(1).replace(/\.0$/, '') : quantity;
}

/** `16Gi` as it is, `16106127360` or `15728640Ki` in GiB. */
export function memoryText(quantity: string): string {
  const [, digits, unit] = /^(\d+)(Ki|Mi)?$/.exec(quantity) ?? [];
  if (!digits) {
    return quantity;
  }
  const bytes = Number(digits) * ({ Ki: 1024, Mi: 1024 ** 2 }[unit] ?? 1);
  return `${(bytes / 1024 ** 3).toFixed(1).replace(/\.0$/, '')} GiB`;
}

function Counts({ cluster }: { cluster: Cluster }) {
  const pods = [...cluster.nodes.flatMap((node) => node.pods), ...cluster.pending];
  const ready = cluster.nodes.filter((node) => node.ready).length;
  return (
    <p className="counts" role="status">
      <span>
        <strong>{ready}</strong> of {cluster.nodes.length} nodes ready
      </span>
      {countBy(pods, stateOf).map(([state, count]) => (
        <span key={state}>
          <i className={`pod pod-${state.toLowerCase()}`} /> <strong>{count}</strong> {state}
        </span>
      ))}
    </p>
  );
}

/** Nodes and the pods on them, as the API server has them. */
export function ClusterPage() {
  const search = usePlace().query.get('query') ?? '';
  const { data, error, loading } = useGet<Cluster>('/api/diorama/v1/cluster', EVERY_SECONDS);
  const shown = useMemo(() => data && filtered(data, search), [data, search]);
  useEffect(() => {
    document.title = 'Cluster · diorama';
  }, []);
  const write = (text: string) =>
    setQuery((query) => (text ? query.set('query', text) : query.delete('query')), { replace: true });
  return (
    <div className="page">
      <h1>Cluster</h1>
      {error && (
        <Alert
          severity={data ? 'warning' : 'info'}
          title={data ? 'The cluster does not answer; this is how it was' : 'No cluster to show'}
        >
          {error}
        </Alert>
      )}
      {loading && <LoadingPlaceholder text="Loading" />}
      {data && shown && (
        <>
          <Counts cluster={data} />
          <div className="page-filter">
            <FilterInput
              value={search}
              onChange={write}
              placeholder="Filter by node, namespace, pod, owner or state"
              escapeRegex={false}
            />
          </div>
          {shown.pending.length > 0 && (
            <section aria-label="Pods without a node">
              <h2>
                <Icon name="clock-nine" /> Without a node
              </h2>
              <div className="pods">
                {shown.pending.map((pod) => (
                  <PodMark key={`${pod.namespace}/${pod.name}`} pod={pod} />
                ))}
              </div>
            </section>
          )}
          <ul className="nodes">
            {shown.nodes.slice(0, MOST_NODES).map((node) => (
              <NodeCard key={node.name} node={node} />
            ))}
          </ul>
          {shown.nodes.length > MOST_NODES && (
            <p className="quiet">{`The first ${MOST_NODES} of ${shown.nodes.length} nodes. Filter to see others.`}</p>
          )}
          {!shown.nodes.length && !shown.pending.length && (
            <p className="quiet">{search ? 'Nothing matches.' : 'The cluster has no nodes.'}</p>
          )}
        </>
      )}
    </div>
  );
}
