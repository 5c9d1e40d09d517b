package set

import (
	"fmt"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	sdktable "github.com/grafana/grafana-foundation-sdk/go/table"
)

// table is a panel with one row for each combination of its keys and one
// column for each expression, as they are at the end of the time range.
type table struct {
	title, about string
	keys         []key
	columns      []column
	// sortBy is a column; the first one if it is not set. Largest first.
	sortBy string
}

// A key is a label that makes rows.
type key struct {
	column string
	// label is the label's name, if the column's does not say.
	label string
	links []link
}

// A column is a value. Its expression has one series for each row.
type column struct {
	name, expr, unit string
	steps            steps
	names            []named
}

func (k key) labelName() string {
	if k.label != "" {
		return k.label
	}
	return label(k.column)
}

func (t table) queries() []query {
	var queries []query
	for _, c := range t.columns {
		queries = append(queries, query{expr: c.expr})
	}
	return queries
}

func (t table) draw(f frame) (dashboard.Panel, error) {
	b := sdktable.NewPanelBuilder().
		Id(f.id).Title(t.title).Description(f.description).GridPos(f.grid).Datasource(source()).
		Unit(number).Filterable(true).ShowHeader(true).CellHeight(common.TableCellHeightSm).Thresholds(steps{}.config()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds))
	sortBy := t.sortBy
	if sortBy == "" {
		sortBy = t.columns[0].name
	}
	largestFirst := common.NewTableSortByFieldStateBuilder().DisplayName(sortBy).Desc(true)
	b.SortBy([]cog.Builder[common.TableSortByFieldState]{largestFirst})
	for i, c := range t.columns {
		b.WithTarget(prometheus.NewDataqueryBuilder().RefId(refID(i)).Datasource(source()).Expr(c.expr).
			Instant().Format(prometheus.PromQueryFormatTable).EditorMode(prometheus.QueryEditorModeCode))
		b.OverrideByName(c.name, c.properties())
	}
	for _, k := range t.keys {
		if len(k.links) > 0 {
			b.OverrideByName(k.column, k.properties())
		}
	}
	return b.WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: t.organize()}).Build()
}

// organize names the columns and puts the keys first.
func (t table) organize() map[string]any {
	// All rows are of one cluster, unless the cluster is a key.
	names, order, hidden := map[string]string{}, map[string]int{}, map[string]bool{"Time": true, clusterKey: true}
	for i, k := range t.keys {
		names[k.labelName()], order[k.labelName()] = k.column, i
		delete(hidden, k.labelName())
	}
	for i, c := range t.columns {
		field := "Value #" + refID(i)
		if len(t.columns) == 1 {
			field = "Value"
		}
		names[field], order[field] = c.name, len(t.keys)+i
	}
	return map[string]any{
		"excludeByName": hidden, "includeByName": map[string]bool{}, "indexByName": order, "renameByName": names,
	}
}

func (c column) properties() []dashboard.DynamicConfigValue {
	properties := []dashboard.DynamicConfigValue{{Id: "unit", Value: c.unit}}
	if c.unit == percent {
		properties = append(properties, dashboard.DynamicConfigValue{Id: "decimals", Value: 1})
	}
	if len(c.steps) > 0 {
		properties = append(properties,
			dashboard.DynamicConfigValue{Id: "thresholds", Value: map[string]any{"mode": "absolute", "steps": c.steps.list()}},
			dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}})
	}
	if len(c.names) > 0 {
		properties = append(properties,
			dashboard.DynamicConfigValue{Id: "mappings", Value: []dashboard.ValueMapping{mapping(c.names)}},
			dashboard.DynamicConfigValue{Id: "custom.cellOptions", Value: map[string]any{"type": "color-text"}})
	}
	return properties
}

func (k key) properties() []dashboard.DynamicConfigValue {
	var links []map[string]any
	for _, l := range k.links {
		links = append(links, l.fromRow())
	}
	return []dashboard.DynamicConfigValue{{Id: "links", Value: links}}
}

// Keys that many tables share.

func clusterColumn() key { return key{column: "Cluster", links: []link{toCluster()}} }
func namespaceColumn() key {
	return key{column: "Namespace", links: []link{toNamespacePods(), toNamespaceWorkloads()}}
}
func podColumn() key       { return key{column: "Pod", links: []link{toPod()}} }
func nodeColumn() key      { return key{column: "Node", links: []link{toNode(), toNodePods()}} }
func containerColumn() key { return key{column: "Container"} }

// by is the grouping of a table's expressions.
func by(keys ...key) string {
	list := ""
	for i, k := range keys {
		if i > 0 {
			list += ", "
		}
		list += k.labelName()
	}
	return list
}

// against gives a reservation's columns: the amount and the usage as a part of it.
func against(name, unit, usage, reservation string) []column {
	return []column{
		{name: name, expr: reservation, unit: unit},
		{name: fmt.Sprintf("%s used", name), expr: ratio(usage, reservation), unit: percent, steps: filling()},
	}
}

// usageColumns are what is used, and how that compares with what is requested and allowed.
func usageColumns(unit, usage, requests, limits string) []column {
	return slices.Concat(
		[]column{{name: "Usage", expr: usage, unit: unit}},
		against("Requests", unit, usage, requests),
		against("Limits", unit, usage, limits),
	)
}
