import type { DataTransformerInfo } from '@grafana/data';

/** Transformations that Grafana documents and its npm packages do not have. */
export const ownTransformers: DataTransformerInfo[] = [];
