package document

import (
	"regexp"
	"strings"
)

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
	transformation := map[string]string{
		"timeseries_to_rows": "seriesToRows", "timeseries_to_columns": "joinByField",
		"timeseries_aggregations": "reduce", "table": "merge",
	}[panel.Text("transform")]
	if transformation != "" && panel["transformations"] == nil {
		options := map[string]any{}
		if transformation == "reduce" {
			var reducers []any
			for _, column := range panel.Objects("columns") {
				reducers = append(reducers, map[string]string{
					"avg": "mean", "current": "lastNotNull", "total": "sum", "min": "min", "max": "max", "count": "count",
				}[column.Text("value")])
			}
			options["reducers"] = reducers
		}
		panel["transformations"] = []any{map[string]any{"id": transformation, "options": options}}
	}
	panel["fieldConfig"] = map[string]any{"defaults": defaults, "overrides": overrides}
	panel["options"] = map[string]any{"showHeader": true}
	panel.drop("styles", "columns", "transform", "pageSize", "scroll", "showHeader", "fontSize", "sort")
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
			config["overrides"] = append(config.List("overrides"),
				override("byName", field, "custom.footer.reducers", reducers))
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
		set("links", []any{map[string]any{
			"title": style.Text("linkTooltip"), "url": cellLink(url), "targetBlank": style.Flag("linkTargetBlank"),
		}})
	}
	if colors := style.Texts("colors"); style.Text("colorMode") != "" && len(colors) > 0 {
		set("thresholds", map[string]any{
			"mode": "absolute", "steps": thresholdSteps(strings.Join(style.Texts("thresholds"), ","), colors),
		})
		kind := map[string]string{
			"cell": "color-background", "row": "color-background", "value": "color-text",
		}[style.Text("colorMode")]
		set("custom.cellOptions", map[string]any{"type": kind})
	}
	return properties
}
