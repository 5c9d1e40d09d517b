import { useEffect, useMemo, useState } from 'react';
import { isAbort, post } from '../api/client';
import type { AnnotationLayer, AnnotationsAnswer } from '../api/types';
import type { Mark } from '../panels/AnnotationMarks';
import type { AnnotationQuery, Panel } from './model';

/** Whether a layer is shown: as it was switched, else as it was saved. */
export function isEnabled(
  { name, enable = true }: AnnotationQuery,
  switched: Readonly<Record<string, boolean>>
): boolean {
  return switched[name] ?? enable;
}

/** The annotations that a panel shows. */
export function marksOf(layers: AnnotationLayer[], { id, sourceId = id }: Panel): Mark[] {
  return layers
    .filter(({ enabled, filter: { exclude, ids } }) => enabled && (!ids.length || ids.includes(sourceId) !== exclude))
    .flatMap(({ name, color, annotations }) =>
      annotations.map((annotation) => ({ ...annotation, layer: name, color }))
    );
}

const NONE: AnnotationLayer[] = [];

/** A dashboard's annotations for what `asked`, a request's body as JSON, says; asked anew with every `refresh`. */
export function useAnnotations(
  uid: string,
  queries: AnnotationQuery[] | undefined,
  asked: string | undefined,
  switched: Readonly<Record<string, boolean>>,
  refresh: string
): AnnotationLayer[] {
  const [layers, setLayers] = useState(NONE);
  // Grafana's own one, which every dashboard has, is for what people write into Grafana.
  const wanted = (queries ?? []).some((query) => !query.builtIn && isEnabled(query, switched));
  const body = useMemo(
    () => asked && JSON.stringify({ ...(JSON.parse(asked) as object), enabled: switched }),
    [asked, switched]
  );
  useEffect(() => {
    if (!wanted || !body) {
      return;
    }
    const abort = new AbortController();
    post<AnnotationsAnswer>(
      `/api/diorama/v1/dashboards/${encodeURIComponent(uid)}/annotations`,
      JSON.parse(body),
      abort.signal
    ).then(
      (answer) => setLayers(answer.layers),
      (error: Error) => isAbort(error) || setLayers((old) => old.map((layer) => ({ ...layer, error: error.message })))
    );
    return () => abort.abort();
  }, [uid, wanted, body, refresh]);
  return wanted ? layers : NONE;
}
