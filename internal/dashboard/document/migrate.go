package document

// migrate brings a classic dashboard to what today's panels read. It changes
// the object it is given.
func migrate(dashboard Object) {
	if rows := dashboard.Objects("rows"); rows != nil {
		dashboard.SetObjects("panels", append(dashboard.Objects("panels"), panelsOfRows(rows)...))
	}
	delete(dashboard, "rows")
	dashboard.Fill("panels", []any{})
	dashboard.Fill("title", "")
	dashboard.Fill("tags", []any{})
	panels := dashboard.Objects("panels")
	elements := dashboard.Object("__elements")
	for _, panel := range panels {
		for _, p := range append([]Object{panel}, panel.Objects("panels")...) {
			fillLibraryPanel(p, elements)
			migratePanel(p)
		}
	}
	dashboard.SetObjects("panels", panels)
	numberPanels(panels)
}

// libraryPanel is the type of a panel that is kept elsewhere.
const libraryPanel = "library-panel"

// fillLibraryPanel puts in what a library panel shows, if the file has it: in
// the panel, or among the elements of a dashboard that was exported to be shared.
func fillLibraryPanel(panel, elements Object) {
	library := panel.Object("libraryPanel")
	if library == nil {
		return
	}
	model := library.Object("model")
	if model == nil {
		model = elements.Object(library.Text("uid")).Object("model")
	}
	if model == nil {
		panel["type"] = libraryPanel
		return
	}
	for key, value := range model.Copy() {
		if key != "id" && key != "gridPos" && key != "libraryPanel" {
			panel[key] = value
		}
	}
}

// numberPanels gives every panel an id of its own.
func numberPanels(panels []Object) {
	taken, highest := map[int]bool{}, 0
	var unnumbered []Object
	visit := func(panel Object) {
		id := panel.Integer("id")
		if id <= 0 || taken[id] {
			unnumbered = append(unnumbered, panel)
			return
		}
		taken[id], highest = true, max(highest, id)
	}
	for _, panel := range panels {
		visit(panel)
		for _, inner := range panel.Objects("panels") {
			visit(inner)
		}
	}
	for i, panel := range unnumbered {
		panel["id"] = float64(highest + 1 + i)
	}
}

// GridColumns is the width of the page.
const GridColumns = 24

// GridPos is the place of a panel on the page.
func GridPos(x, y, w, h int) map[string]any {
	return map[string]any{"x": float64(x), "y": float64(y), "w": float64(w), "h": float64(h)}
}

func migratePanel(panel Object) {
	if name, ok := panel["datasource"].(string); ok {
		panel["datasource"] = refObject(name)
	}
	if panel.Text("type") == "row" {
		panel.Fill("gridPos", GridPos(0, 0, GridColumns, 1))
	}
	panel.Fill("gridPos", GridPos(0, 0, 6, 3))
	letter := 'A'
	taken := map[string]bool{}
	for _, target := range panel.Objects("targets") {
		taken[target.Text("refId")] = true
	}
	for _, target := range panel.Objects("targets") {
		if name, ok := target["datasource"].(string); ok {
			target["datasource"] = refObject(name)
		}
		for target.Text("refId") == "" {
			if ref := string(letter); !taken[ref] {
				target["refId"], taken[ref] = ref, true
			}
			letter++
		}
	}
	switch panel.Text("type") {
	case "graph":
		migrateGraph(panel)
	case "singlestat", "grafana-singlestat-panel":
		migrateSinglestat(panel)
	case "table-old":
		migrateTable(panel)
	case "table":
		if panel["styles"] != nil && panel["fieldConfig"] == nil {
			migrateTable(panel)
		}
		migrateFooter(panel)
	}
	hideLegend(panel.Object("options").Object("legend"))
	if panel.Text("type") != "row" {
		panel.Fill("fieldConfig", map[string]any{"defaults": map[string]any{}, "overrides": []any{}})
		panel.Fill("options", map[string]any{})
	}
}

// hideLegend writes a hidden legend as it is written since schema 37: before, it
// was a mode of display.
func hideLegend(legend Object) {
	if legend.Text("displayMode") == "hidden" {
		legend["displayMode"], legend["showLegend"] = "list", false
	}
}

// refObject writes a data source's name, as old dashboards have it, as the
// reference that new ones have.
func refObject(name string) any {
	switch name {
	case "", "default", "-- Default --":
		return map[string]any{"type": DatasourceType, "uid": DatasourceUID}
	case "-- Mixed --", "-- Grafana --", "-- Dashboard --":
		return map[string]any{"type": "datasource", "uid": name}
	}
	return map[string]any{"uid": name}
}

// override is a field override for fields of a name.
func override(matcher, name string, properties ...any) map[string]any {
	var list []any
	for i := 0; i+1 < len(properties); i += 2 {
		list = append(list, map[string]any{"id": properties[i], "value": properties[i+1]})
	}
	return map[string]any{"matcher": map[string]any{"id": matcher, "options": name}, "properties": list}
}
