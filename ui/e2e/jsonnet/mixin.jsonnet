local titles = import 'titles.libsonnet';

{
  grafanaDashboards+:: {
    'mixin.json': {
      uid: 'mixin',
      title: titles.title,
      schemaVersion: 41,
      panels: [{
        id: 1,
        type: 'timeseries',
        title: 'CPU',
        gridPos: { x: 0, y: 0, w: 24, h: 8 },
        datasource: { type: 'prometheus', uid: 'prometheus' },
        targets: [{ refId: 'A', expr: 'sum(k8s_node_cpu_usage)' }],
      }],
    },
  },
}
