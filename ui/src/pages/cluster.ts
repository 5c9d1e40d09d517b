export interface Pod {
  namespace: string;
  name: string;
  phase: string;
  reason?: string;
  ready: number;
  containers: number;
  restarts: number;
  owner: { kind: string; name: string };
}

export interface Node {
  name: string;
  ready: boolean;
  unschedulable: boolean;
  roles: string[];
  allocatable: { cpu: string; memory: string; pods: string };
  pods: Pod[];
}

export interface Cluster {
  nodes: Node[];
  /** Pods that are on no node. */
  pending: Pod[];
}

/** One word for how a pod is: its phase, or that it runs without being ready. */
export function stateOf({ phase, ready, containers }: Pod): string {
  return phase === 'Running' && ready < containers ? 'Unready' : phase;
}

/** How many there are of each kind, the most frequent first. */
export function countBy<T>(list: T[], kindOf: (item: T) => string): Array<[string, number]> {
  const counts = new Map<string, number>();
  list.forEach((item) => counts.set(kindOf(item), (counts.get(kindOf(item)) ?? 0) + 1));
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function podMatches(pod: Pod, words: string[]): boolean {
  const text = [pod.namespace, pod.name, stateOf(pod), pod.reason, pod.owner.kind, pod.owner.name]
    .join(' ')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The nodes whose name matches, with all their pods, and the others with those of their pods that match. */
export function filtered({ nodes, pending }: Cluster, search: string): Cluster {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) {
    return { nodes, pending };
  }
  const found = nodes.flatMap((node) => {
    const own = `${node.name} ${node.ready ? 'ready' : 'not ready'}`.toLowerCase();
    if (words.every((word) => own.includes(word))) {
      return [node];
    }
    const pods = node.pods.filter((pod) => podMatches(pod, words));
    return pods.length ? [{ ...node, pods }] : [];
  });
  return { nodes: found, pending: pending.filter((pod) => podMatches(pod, words)) };
}
