package set

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// Units, as Grafana names them.
const (
	cores     = "short"
	number    = "short"
	bytes     = "bytes"
	percent   = "percentunit"
	byteRate  = "Bps"
	perSecond = "ops"
	seconds   = "s"
)

// A panel knows how to draw itself at a place of the grid.
type panel interface {
	// queries are what it asks.
	queries() []query
	draw(frame frame) (dashboard.Panel, error)
}

// A frame is what the page decides about a panel.
type frame struct {
	id   uint32
	grid dashboard.GridPos
	// description is the panel's own, and where its numbers come from.
	description string
}

// A query is one PromQL expression and what its series are called.
type query struct{ expr, legend string }

// steps are thresholds: green to begin with, then colours from values on.
type steps []step

type step struct {
	from  float64
	color string
}

// filling colours what should not become full.
func filling() steps { return steps{{0.75, "orange"}, {0.9, "red"}} }

// committing colours what may exceed the whole, at a price.
func committing() steps { return steps{{1, "orange"}, {1.5, "red"}} }

// anyIsBad colours everything but 0.
func anyIsBad() steps { return steps{{1, "red"}} }

func (s steps) list() []dashboard.Threshold {
	list := []dashboard.Threshold{{Color: "green"}}
	for _, step := range s {
		list = append(list, dashboard.Threshold{Value: pointer(step.from), Color: step.color})
	}
	return list
}

func (s steps) config() cog.Builder[dashboard.ThresholdsConfig] {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(s.list())
}

// How many points of a series are asked for: what the eye can tell apart, not
// a pixel each. A graph of every pod of a cluster is that much cheaper, and up
// to 20 minutes of samples that are 5 s apart are all there.
const (
	graphPoints     = 240
	sparklinePoints = 100
)

// numberPanel is one value with its course in the background.
type numberPanel struct {
	title, about, unit, expr string
	steps                    steps
	// names shows the words for values instead of the values.
	names []named
	// legend, if set, names several numbers in one panel.
	legend string
}

// named is the word for a value, and its colour.
type named struct{ value, word, color string }

func (p numberPanel) queries() []query { return []query{{p.expr, p.legend}} }

func (p numberPanel) draw(f frame) (dashboard.Panel, error) {
	color := dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)
	b := stat.NewPanelBuilder().
		Id(f.id).Title(p.title).Description(f.description).GridPos(f.grid).Datasource(source()).
		Unit(p.unit).Thresholds(p.steps.config()).ColorScheme(color).
		GraphMode(common.BigValueGraphModeArea).ColorMode(common.BigValueColorModeValue).
		TextMode(common.BigValueTextModeValue).JustifyMode(common.BigValueJustifyModeAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		WithTarget(target(0, query{p.expr, p.legend})).MaxDataPoints(sparklinePoints)
	if p.unit == percent {
		b.Decimals(1)
	}
	if p.legend != "" {
		b.TextMode(common.BigValueTextModeValueAndName)
	}
	if len(p.names) > 0 {
		b.Mappings([]dashboard.ValueMapping{mapping(p.names)}).GraphMode(common.BigValueGraphModeNone)
	}
	return b.Build()
}

func mapping(names []named) dashboard.ValueMapping {
	values := dashboard.NewValueMap()
	values.Options = map[string]dashboard.ValueMappingResult{}
	for i, n := range names {
		values.Options[n.value] = dashboard.ValueMappingResult{Text: &n.word, Color: &n.color, Index: pointer(int32(i))}
	}
	return dashboard.ValueMapping{ValueMap: values}
}

// target is a query over the panel's time range.
func target(i int, q query) *prometheus.DataqueryBuilder {
	legend := q.legend
	if legend == "" {
		legend = "__auto"
	}
	return prometheus.NewDataqueryBuilder().RefId(refID(i)).Datasource(source()).
		Expr(q.expr).Range().LegendFormat(legend).EditorMode(prometheus.QueryEditorModeCode)
}

func refID(i int) string { return string(rune('A' + i)) }

// graph is a panel with time series.
type graph struct {
	title, about, unit string
	lines              []query
	// stacked adds the series up.
	stacked bool
	// limits are the legends of lines that are drawn dashed, as bounds.
	limits []string
	// list shows the series as a table with their figures, not only by name.
	list bool
	link *link
	// negative are the legends of lines that are drawn downwards.
	negative []string
	// signed lets values be below zero.
	signed bool
	steps  steps
	max    float64
}

func (p graph) queries() []query { return p.lines }

func (p graph) draw(f frame) (dashboard.Panel, error) {
	b := timeseries.NewPanelBuilder().
		Id(f.id).Title(p.title).Description(f.description).GridPos(f.grid).Datasource(source()).
		Unit(p.unit).LineWidth(1).FillOpacity(12).GradientMode(common.GraphGradientModeOpacity).
		ShowPoints(common.VisibilityModeNever).LineInterpolation(common.LineInterpolationLinear).
		Thresholds(p.steps.config()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassic)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
		Legend(p.legend()).MaxDataPoints(graphPoints)
	if len(p.negative) == 0 && !p.signed {
		b.Min(0)
	}
	if p.max > 0 {
		b.Max(p.max)
	}
	if p.stacked {
		b.FillOpacity(35).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
	}
	if len(p.steps) > 0 {
		b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	if p.link != nil {
		b.DataLinks([]cog.Builder[dashboard.DashboardLink]{p.link.fromSeries()})
	}
	for i, line := range p.lines {
		b.WithTarget(target(i, line))
	}
	for _, name := range p.limits {
		b.OverrideByName(name, []dashboard.DynamicConfigValue{
			{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{10, 10}}},
			{Id: "custom.fillOpacity", Value: 0},
			{Id: "custom.lineWidth", Value: 2},
			{Id: "custom.stacking", Value: map[string]any{"mode": "none", "group": "limits"}},
		})
	}
	for _, name := range p.negative {
		b.OverrideByName(name, []dashboard.DynamicConfigValue{{Id: "custom.transform", Value: "negative-Y"}})
	}
	return b.Build()
}

func (p graph) legend() cog.Builder[common.VizLegendOptions] {
	legend := common.NewVizLegendOptionsBuilder().ShowLegend(true)
	if p.list {
		return legend.DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementRight).
			Calcs([]string{"lastNotNull", "max"}).SortBy("Last *").SortDesc(true)
	}
	return legend.DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)
}
