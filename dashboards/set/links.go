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

// withinCluster is a link to a dashboard of the same cluster.
func withinCluster(title, to string, set ...[2]string) link {
	return link{title: title, to: to, set: set, keep: []string{"cluster"}}
}

// The variables that columns of these names decide.
func setNamespace() [2]string { return [2]string{"namespace", "Namespace"} }
func setNode() [2]string      { return [2]string{"node", "Node"} }
func setPod() [2]string       { return [2]string{"pod", "Pod"} }

func toNamespacePods() link {
	return withinCluster("Pods of this namespace", "namespace-pods", setNamespace())
}

func toNamespaceWorkloads() link {
	return withinCluster("Workloads of this namespace", "namespace-workloads", setNamespace())
}

func toWorkload() link {
	return withinCluster("This workload", "workload",
		setNamespace(), [2]string{"kind", "Kind"}, [2]string{"workload", "Workload"})
}

// toWorkloadOf opens the workload of a kind that a column names.
func toWorkloadOf(kind, column string) link {
	to := withinCluster("This workload", "workload", setNamespace(), [2]string{"workload", column})
	to.fixed = [][2]string{{"kind", kind}}
	return to
}

func toPod() link { return withinCluster("This pod", "pod", setNamespace(), setPod()) }

func toPodTraffic() link {
	return withinCluster("This pod's traffic", "networking-pod", setNamespace(), setPod())
}

func toNamespaceTraffic() link {
	return withinCluster("This namespace's traffic", "networking-namespace", setNamespace())
}

func toNode() link { return withinCluster("This node", "node", setNode()) }

func toNodePods() link { return withinCluster("Pods of this node", "node-pods", setNode()) }

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
	url := l.url(func(column string) string { return "${__data.fields." + column + "}" })
	return map[string]any{"title": l.title, "url": url}
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
