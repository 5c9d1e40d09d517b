package document

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// migrateGraph makes a timeseries panel of the graph panel that Grafana had
// until version 11.
func migrateGraph(panel Object) {
	panel["type"] = "timeseries"
	switch panel.Object("xaxis").Text("mode") {
	case "series":
		panel["type"] = "barchart"
	case "histogram":
		panel["type"] = "histogram"
	}
	custom := map[string]any{
		"drawStyle": "line", "lineWidth": panel.NumberOr("linewidth", 1), "fillOpacity": panel.NumberOr("fill", 1) * 10,
		"showPoints": "never", "pointSize": 2 + 2*panel.NumberOr("pointradius", 2),
		"spanNulls": panel.Text("nullPointMode") == "connected",
		"stacking":  map[string]any{"mode": "none", "group": "A"},
	}
	if panel.Flag("bars") {
		custom["drawStyle"], custom["fillOpacity"] = "bars", 100.0
	} else if panel.Flag("points") {
		custom["showPoints"] = "always"
		if lines, ok := panel["lines"].(bool); ok && !lines {
			custom["drawStyle"] = "points"
		}
	}
	if panel.Flag("steppedLine") {
		custom["lineInterpolation"] = "stepAfter"
	}
	if panel.Flag("stack") {
		custom["stacking"] = map[string]any{"mode": "normal", "group": "A"}
		if panel.Flag("percentage") {
			custom["stacking"] = map[string]any{"mode": "percent", "group": "A"}
		}
	}
	defaults := map[string]any{"custom": custom}
	overrides := aliasOverrides(panel)
	axes := panel.Objects("yaxes")
	if len(axes) > 0 {
		axisDefaults(axes[0], defaults, custom)
	}
	if len(axes) > 1 {
		overrides = append(overrides, seriesOverrides(panel, axes[1].Text("format"))...)
	} else {
		overrides = append(overrides, seriesOverrides(panel, "")...)
	}
	panel["fieldConfig"] = map[string]any{"defaults": defaults, "overrides": overrides}
	panel["options"] = map[string]any{"legend": graphLegend(panel.Object("legend")), "tooltip": map[string]any{
		"mode": map[bool]string{true: "multi", false: "single"}[panel.Object("tooltip").Flag("shared")], "sort": "none",
	}}
	panel.drop("xaxis", "yaxes", "yaxis", "lines", "linewidth", "fill", "fillGradient", "bars", "points", "pointradius",
		"stack", "percentage", "steppedLine", "nullPointMode", "aliasColors", "seriesOverrides", "legend", "tooltip",
		"renderer", "dashes", "dashLength", "spaceLength", "timeRegions")
}

func (o Object) NumberOr(key string, otherwise float64) float64 {
	if _, there := o[key]; !there {
		return otherwise
	}
	return o.Number(key)
}

// axisDefaults takes unit, bounds and scale from an axis.
func axisDefaults(axis Object, defaults, custom map[string]any) {
	if unit := axis.Text("format"); unit != "" {
		defaults["unit"] = unit
	}
	for _, bound := range []string{"min", "max"} {
		if axis.Text(bound) != "" {
			defaults[bound] = axis.Number(bound)
		}
	}
	if _, ok := axis["decimals"].(float64); ok {
		defaults["decimals"] = axis.Number("decimals")
	}
	if label := axis.Text("label"); label != "" {
		custom["axisLabel"] = label
	}
	if base := axis.Integer("logBase"); base > 1 {
		custom["scaleDistribution"] = map[string]any{"type": "log", "log": float64(base)}
	}
	if show, ok := axis["show"].(bool); ok && !show {
		custom["axisPlacement"] = "hidden"
	}
}

func aliasOverrides(panel Object) []any {
	overrides := []any{}
	for _, name := range slices.Sorted(maps.Keys(panel.Object("aliasColors"))) {
		color := map[string]any{"mode": "fixed", "fixedColor": panel.Object("aliasColors").Text(name)}
		overrides = append(overrides, override("byName", name, "color", color))
	}
	return overrides
}

func seriesOverrides(panel Object, secondUnit string) []any {
	var overrides []any
	for _, o := range panel.Objects("seriesOverrides") {
		matcher, name := "byName", o.Text("alias")
		if strings.HasPrefix(name, "/") {
			matcher = "byRegexp"
		}
		var properties []any
		set := func(id string, value any) { properties = append(properties, id, value) }
		if color := o.Text("color"); color != "" {
			set("color", map[string]any{"mode": "fixed", "fixedColor": color})
		}
		if o.Integer("yaxis") == 2 {
			set("custom.axisPlacement", "right")
			if secondUnit != "" {
				set("unit", secondUnit)
			}
		}
		for key, id := range map[string]string{"fill": "custom.fillOpacity", "linewidth": "custom.lineWidth"} {
			if _, there := o[key]; there {
				scale := map[string]float64{"fill": 10, "linewidth": 1}[key]
				set(id, o.Number(key)*scale)
			}
		}
		if stack, ok := o["stack"].(bool); ok && !stack {
			set("custom.stacking", map[string]any{"mode": "none", "group": "A"})
		}
		if o.Flag("dashes") {
			set("custom.lineStyle", map[string]any{"fill": "dash", "dash": []any{10.0, 10.0}})
		}
		if o.Flag("hiddenSeries") {
			set("custom.hideFrom", map[string]any{"viz": true, "legend": false, "tooltip": false})
		}
		overrides = append(overrides, override(matcher, name, properties...))
	}
	return overrides
}

func graphLegend(legend Object) map[string]any {
	shown := true
	if show, ok := legend["show"].(bool); ok {
		shown = show
	}
	mode, placement, calcs := "list", "bottom", []any{}
	if legend.Flag("alignAsTable") {
		mode = "table"
	}
	if legend.Flag("rightSide") {
		placement = "right"
	}
	for _, value := range [][2]string{{"min", "min"}, {"max", "max"}, {"avg", "mean"}, {"current", "lastNotNull"},
		{"total", "sum"}} {
		if legend.Flag(value[0]) {
			calcs = append(calcs, value[1])
		}
	}
	return map[string]any{"showLegend": shown, "displayMode": mode, "placement": placement, "calcs": calcs}
}

// migrateSinglestat makes a stat panel, or a gauge, of Grafana's first panel
// for one number.
func migrateSinglestat(panel Object) {
	calc := map[string]string{
		"avg": "mean", "current": "lastNotNull", "total": "sum", "first": "firstNotNull",
		"delta": "delta", "diff": "diff", "range": "range", "min": "min", "max": "max",
	}[panel.Text("valueName")]
	if calc == "" {
		calc = "mean"
	}
	reduce := map[string]any{"calcs": []any{calc}, "fields": "", "values": false}
	defaults := map[string]any{"mappings": valueMappings(panel)}
	if unit := panel.Text("format"); unit != "" {
		defaults["unit"] = unit
	}
	if _, ok := panel["decimals"].(float64); ok {
		defaults["decimals"] = panel.Number("decimals")
	}
	if text := panel.Text("nullText"); text != "" {
		defaults["noValue"] = text
	}
	if steps := thresholdSteps(panel.Text("thresholds"), panel.Texts("colors")); steps != nil {
		defaults["thresholds"] = map[string]any{"mode": "absolute", "steps": steps}
	}
	options := map[string]any{"reduceOptions": reduce}
	if gauge := panel.Object("gauge"); gauge.Flag("show") {
		panel["type"] = "gauge"
		defaults["min"], defaults["max"] = gauge.Number("minValue"), gauge.NumberOr("maxValue", 100)
		options["showThresholdMarkers"] = gauge.Flag("thresholdMarkers")
		options["showThresholdLabels"] = gauge.Flag("thresholdLabels")
	} else {
		panel["type"] = "stat"
		options["colorMode"], options["graphMode"], options["textMode"] = "none", "none", "auto"
		if panel.Flag("colorValue") {
			options["colorMode"] = "value"
		}
		if panel.Flag("colorBackground") {
			options["colorMode"] = "background"
		}
		if panel.Object("sparkline").Flag("show") {
			options["graphMode"] = "area"
		}
	}
	panel["options"] = options
	panel["fieldConfig"] = map[string]any{"defaults": defaults, "overrides": []any{}}
	panel.drop("valueName", "format", "decimals", "nullText", "thresholds", "colors", "gauge", "sparkline", "colorValue",
		"colorBackground", "valueMaps", "rangeMaps", "mappingType", "mappingTypes", "prefix", "postfix", "prefixFontSize",
		"postfixFontSize", "valueFontSize", "nullPointMode", "tableColumn")
}

// thresholdSteps reads "50,80" and the colours below, between and above.
func thresholdSteps(text string, colors []string) []any {
	if text == "" || len(colors) == 0 {
		return nil
	}
	steps := []any{map[string]any{"color": colors[0], "value": nil}}
	for i, part := range strings.Split(text, ",") {
		value, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || i+1 >= len(colors) {
			break
		}
		steps = append(steps, map[string]any{"color": colors[i+1], "value": value})
	}
	return steps
}

func valueMappings(panel Object) []any {
	values, mappings := map[string]any{}, []any{}
	for _, m := range panel.Objects("valueMaps") {
		if value := m.Text("value"); value == "null" {
			mappings = append(mappings, map[string]any{"type": "special", "options": map[string]any{
				"match": "null", "result": map[string]any{"text": m.Text("text")},
			}})
		} else if value != "" {
			values[value] = map[string]any{"text": m.Text("text")}
		}
	}
	if len(values) > 0 {
		mappings = append(mappings, map[string]any{"type": "value", "options": values})
	}
	if panel.Integer("mappingType") == 2 {
		mappings = []any{}
		for _, m := range panel.Objects("rangeMaps") {
			mappings = append(mappings, map[string]any{"type": "range", "options": map[string]any{
				"from": m.Number("from"), "to": m.Number("to"), "result": map[string]any{"text": m.Text("text")}}})
		}
	}
	return mappings
}
