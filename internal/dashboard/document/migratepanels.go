package document

import (
	"maps"
	"regexp"
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
		"showPoints": "never", "pointSize": 2 + 2*panel.NumberOr("pointradius", 2), "spanNulls": panel.Text("nullPointMode") == "connected",
		"stacking": map[string]any{"mode": "none", "group": "A"},
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
	for _, key := range []string{"xaxis", "yaxes", "yaxis", "lines", "linewidth", "fill", "fillGradient", "bars", "points", "pointradius", "stack", "percentage",
		"steppedLine", "nullPointMode", "aliasColors", "seriesOverrides", "legend", "tooltip", "renderer", "dashes", "dashLength", "spaceLength", "timeRegions"} {
		delete(panel, key)
	}
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
	for _, value := range [][2]string{{"min", "min"}, {"max", "max"}, {"avg", "mean"}, {"current", "lastNotNull"}, {"total", "sum"}} {
		if legend.Flag(value[0]) {
			calcs = append(calcs, value[1])
		}
	}
	return map[string]any{"showLegend": shown, "displayMode": mode, "placement": placement, "calcs": calcs}
}

// migrateSinglestat makes a stat panel, or a gauge, of Grafana's first panel
// for one number.
func migrateSinglestat(panel Object) {
	calc := map[string]string{"avg": "mean", "current": "lastNotNull", "total": "sum", "first": "firstNotNull", "delta": "delta", "diff": "diff", "range": "range", "min": "min", "max": "max"}[panel.Text("valueName")]
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
		options["showThresholdMarkers"], options["showThresholdLabels"] = gauge.Flag("thresholdMarkers"), gauge.Flag("thresholdLabels")
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
	for _, key := range []string{"valueName", "format", "decimals", "nullText", "thresholds", "colors", "gauge", "sparkline", "colorValue", "colorBackground", "valueMaps",
		"rangeMaps", "mappingType", "mappingTypes", "prefix", "postfix", "prefixFontSize", "postfixFontSize", "valueFontSize", "nullPointMode", "tableColumn"} {
		delete(panel, key)
	}
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
			mappings = append(mappings, map[string]any{"type": "special", "options": map[string]any{"match": "null", "result": map[string]any{"text": m.Text("text")}}})
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

// migrateTable makes today's table panel of the one before Grafana 7.
func migrateTable(panel Object) {
	panel["type"] = "table"
	defaults, overrides := map[string]any{"custom": map[string]any{}}, []any{}
	for _, style := range panel.Objects("styles") {
		name := style.Text("pattern")
		matcher := "byName"
		if strings.HasPrefix(name, "/") {
			matcher = "byRegexp"
		}
		properties := styleProperties(style)
		if name == "/.*/" {
			for i := 0; i+1 < len(properties); i += 2 {
				if id, _ := properties[i].(string); id == "unit" || id == "decimals" {
					defaults[id] = properties[i+1]
				}
			}
			continue
		}
		if len(properties) > 0 {
			overrides = append(overrides, override(matcher, name, properties...))
		}
	}
	transformation := map[string]string{"timeseries_to_rows": "seriesToRows", "timeseries_to_columns": "joinByField", "timeseries_aggregations": "reduce", "table": "merge"}[panel.Text("transform")]
	if transformation != "" && panel["transformations"] == nil {
		options := map[string]any{}
		if transformation == "reduce" {
			var reducers []any
			for _, column := range panel.Objects("columns") {
				reducers = append(reducers, map[string]string{"avg": "mean", "current": "lastNotNull", "total": "sum", "min": "min", "max": "max", "count": "count"}[column.Text("value")])
			}
			options["reducers"] = reducers
		}
		panel["transformations"] = []any{map[string]any{"id": transformation, "options": options}}
	}
	panel["fieldConfig"] = map[string]any{"defaults": defaults, "overrides": overrides}
	panel["options"] = map[string]any{"showHeader": true}
	for _, key := range []string{"styles", "columns", "transform", "pageSize", "scroll", "showHeader", "fontSize", "sort"} {
		delete(panel, key)
	}
}

// migrateFooter writes what older tables say of their footer in the options as
// today's say it, in the config of fields.
func migrateFooter(panel Object) {
	options := panel.Object("options")
	footer := options.Object("footer")
	if footer == nil {
		return
	}
	delete(options, "footer")
	if footer.Flag("enablePagination") {
		options["enablePagination"] = true
	}
	reducers := footer.List("reducer")
	if !footer.Flag("show") || len(reducers) == 0 {
		return
	}
	fields := footer.Texts("fields")
	if footer.Flag("countRows") && reducers[0] == "count" { // the count of rows stands in the first column
		reducers, fields = []any{"countAll"}, nil
	}
	config := panel.Object("fieldConfig").Copy()
	config.Fill("overrides", []any{})
	for _, field := range fields {
		if field != "" {
			config["overrides"] = append(config.List("overrides"), override("byName", field, "custom.footer.reducers", reducers))
		}
	}
	if len(fields) == 0 || fields[0] == "" {
		defaults := config.Object("defaults").Copy()
		custom := defaults.Object("custom").Copy()
		custom["footer"] = map[string]any{"reducers": reducers}
		defaults["custom"] = map[string]any(custom)
		config["defaults"] = map[string]any(defaults)
	}
	panel["fieldConfig"] = map[string]any(config)
}

var cellReference = regexp.MustCompile(`\$(?:\{__cell(?:_(\d+))?(?::raw)?\}|__cell(?:_(\d+))?)`)

// cellLink writes the variables of a cell's link as today's tables know them:
// $__cell is the cell's own value, $__cell_2 that of the third column.
func cellLink(url string) string {
	return cellReference.ReplaceAllStringFunc(url, func(match string) string {
		parts := cellReference.FindStringSubmatch(match)
		if column := parts[1] + parts[2]; column != "" {
			return "${__data.fields[" + column + "]}"
		}
		return "${__value.raw}"
	})
}

func styleProperties(style Object) []any {
	var properties []any
	set := func(id string, value any) { properties = append(properties, id, value) }
	if alias := style.Text("alias"); alias != "" {
		set("displayName", alias)
	}
	if unit := style.Text("unit"); unit != "" && style.Text("type") == "number" {
		set("unit", unit)
	}
	if _, ok := style["decimals"].(float64); ok && style.Text("type") == "number" {
		set("decimals", style.Number("decimals"))
	}
	if style.Text("type") == "hidden" {
		set("custom.hidden", true)
	}
	if url := style.Text("linkUrl"); style.Flag("link") && url != "" {
		set("links", []any{map[string]any{"title": style.Text("linkTooltip"), "url": cellLink(url), "targetBlank": style.Flag("linkTargetBlank")}})
	}
	if colors := style.Texts("colors"); style.Text("colorMode") != "" && len(colors) > 0 {
		set("thresholds", map[string]any{"mode": "absolute", "steps": thresholdSteps(strings.Join(style.Texts("thresholds"), ","), colors)})
		kind := map[string]string{"cell": "color-background", "row": "color-background", "value": "color-text"}[style.Text("colorMode")]
		set("custom.cellOptions", map[string]any{"type": kind})
	}
	return properties
}
