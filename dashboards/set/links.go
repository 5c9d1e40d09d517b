package set

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// uid of a dashboard, by its name.
func uid(name string) string { return "diorama-" + name }

// A link leads from a value to the dashboard of the thing that it is about.
type link struct {
	title, to string
	// set are the variables that the value decides: variable to column or label.
	set [][2]string
	// fixed are the variables that always have the same value.
	fixed [][2]string
	// keep are the variables that go along as they are.
	keep []string
}

func toCluster() link {
	return link{title: "Cluster ${__value.text}", to: "cluster", set: [][2]string{{"cluster", "Cluster"}}}
}

func toNamespacePods() link {
	return link{title: "Pods of this namespace", to: "namespace-pods", set: [][2]string{{"namespace", "Namespace"}}, keep: []string{"cluster"}}
}

func toNamespaceWorkloads() link {
	return link{title: "Workloads of this namespace", to: "namespace-workloads", set: [][2]string{{"namespace", "Namespace"}}, keep: []string{"cluster"}}
}

func toWorkload() link {
	return link{title: "This workload", to: "workload", set: [][2]string{{"namespace", "Namespace"}, {"kind", "Kind"}, {"workload", "Workload"}}, keep: []string{"cluster"}}
}

func toPod() link {
	return link{title: "This pod", to: "pod", set: [][2]string{{"namespace", "Namespace"}, {"pod", "Pod"}}, keep: []string{"cluster"}}
}

func toPodTraffic() link {
	return link{title: "This pod's traffic", to: "networking-pod", set: [][2]string{{"namespace", "Namespace"}, {"pod", "Pod"}}, keep: []string{"cluster"}}
}

func toNamespaceTraffic() link {
	return link{title: "This namespace's traffic", to: "networking-namespace", set: [][2]string{{"namespace", "Namespace"}}, keep: []string{"cluster"}}
}

func toNode() link {
	return link{title: "This node", to: "node", set: [][2]string{{"node", "Node"}}, keep: []string{"cluster"}}
}

func toNodePods() link {
	return link{title: "Pods of this node", to: "node-pods", set: [][2]string{{"node", "Node"}}, keep: []string{"cluster"}}
}

// label is the label behind a key column.
func label(column string) string {
	if column == "Workload" || column == "Kind" {
		return strings.ToLower(column)
	}
	return "k8s_" + strings.ToLower(column) + "_name"
}

// url opens the dashboard with the same data source and time range. value
// turns a column into what Grafana replaces by its value.
func (l link) url(value func(column string) string) string {
	parts := []string{"${datasource:queryparam}"}
	for _, name := range l.keep {
		parts = append(parts, "${"+name+":queryparam}")
	}
	for _, pair := range l.fixed {
		parts = append(parts, "var-"+pair[0]+"="+pair[1])
	}
	for _, pair := range l.set {
		parts = append(parts, "var-"+pair[0]+"="+value(pair[1]))
	}
	return "/d/" + uid(l.to) + "?" + strings.Join(append(parts, "${__url_time_range}"), "&")
}

// fromRow links a cell of a table.
func (l link) fromRow() map[string]any {
	return map[string]any{"title": l.title, "url": l.url(func(column string) string { return "${__data.fields." + column + "}" })}
}

// fromSeries links a point of a time series.
func (l link) fromSeries() cog.Builder[dashboard.DashboardLink] {
	return dashboard.NewDashboardLinkBuilder(l.title).Type(dashboard.DashboardLinkTypeLink).
		Url(l.url(func(column string) string { return "${__field.labels." + label(column) + "}" }))
}

// neighbours are the links at the top of every dashboard: the menu of the set.
func neighbours() []top {
	return []top{
		dashboard.NewDashboardLinkBuilder("Kubernetes on OpenTelemetry").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).AsDropdown(true).IncludeVars(true).KeepTime(true),
	}
}

// A top link is above the panels of a dashboard.
type top = cog.Builder[dashboard.DashboardLink]

// next is a link at the top to one other dashboard.
func next(title, name string) top {
	return dashboard.NewDashboardLinkBuilder(title).Type(dashboard.DashboardLinkTypeLink).Icon("dashboard").
		Url("/d/" + uid(name)).IncludeVars(true).KeepTime(true)
}
