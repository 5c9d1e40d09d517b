package set

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

type variable = cog.Builder[dashboard.VariableModel]

func pointer[T any](value T) *T { return &value }

// source is the data source that the dashboard's variable picks.
func source() common.DataSourceRef {
	return common.DataSourceRef{Type: pointer("prometheus"), Uid: pointer("${datasource}")}
}

func text(s string) dashboard.StringOrMap { return dashboard.StringOrMap{String: &s} }

func option(s string) dashboard.VariableOption {
	return dashboard.VariableOption{
		Selected: pointer(true),
		Text:     dashboard.StringOrArrayOfString{String: &s},
		Value:    dashboard.StringOrArrayOfString{String: &s},
	}
}

func datasourceVariable() variable {
	return dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")
}

// query is a variable with the values that a label has.
func queryVariable(name, label, values string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source()).
		Query(text(values)).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
}

// several lets a variable take many values, all of them to begin with.
func several(v *dashboard.QueryVariableBuilder) *dashboard.QueryVariableBuilder {
	all := dashboard.VariableOption{
		Selected: pointer(true),
		Text:     dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
		Value:    dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
	}
	return v.Multi(true).IncludeAll(true).AllValue(".+").Current(all)
}

// labelValues asks for the values that a label of a metric has.
func labelValues(metric, matchers, label string) string {
	if matchers == "" {
		return "label_values(" + metric + ", " + label + ")"
	}
	return "label_values(" + gauge(metric, matchers) + ", " + label + ")"
}

func clusterVariable() *dashboard.QueryVariableBuilder {
	return queryVariable("cluster", "Cluster", labelValues("k8s_namespace_phase", "", clusterKey))
}

// namespaceVariable lists the namespaces that have pods. It opens on one that
// diorama simulates; where there is none of that name, on the first.
func namespaceVariable() *dashboard.QueryVariableBuilder {
	values := labelValues("k8s_pod_phase", inCluster, perNamespace)
	return queryVariable("namespace", "Namespace", values).Current(option("shop"))
}

func namespacesVariable() *dashboard.QueryVariableBuilder {
	return several(queryVariable("namespace", "Namespace", labelValues("k8s_namespace_phase", inCluster, perNamespace)))
}

func nodeVariable() *dashboard.QueryVariableBuilder {
	return queryVariable("node", "Node", labelValues("k8s_node_condition_ready", inCluster, perNode))
}

func podVariable() *dashboard.QueryVariableBuilder {
	return queryVariable("pod", "Pod", labelValues("k8s_pod_phase", inNamespace, "k8s_pod_name"))
}

// kindVariable picks the label that names the workload: k8s_${kind}_name.
func kindVariable() variable {
	return dashboard.NewCustomVariableBuilder("kind").Label("Kind").
		Values(text("deployment,statefulset,daemonset,job,cronjob")).Current(option("deployment"))
}

func workloadVariable() *dashboard.QueryVariableBuilder {
	const name = "k8s_${kind}_name"
	values := labelValues("k8s_pod_phase", inNamespace+`,`+name+`!=""`, name)
	return queryVariable("workload", "Workload", values).Current(option("frontend"))
}
