package dashboard

import "strings"

// classicOfV2 writes the spec of a v2 dashboard resource in the classic form.
func classicOfV2(spec Object) Object {
	times := spec.object("timeSettings")
	classic := Object{
		"title": spec.text("title"), "description": spec.text("description"), "schemaVersion": 41.0,
		"refresh": times.text("autoRefresh"), "timezone": times.text("timezone"),
		"time":         map[string]any{"from": times.textOr("from", "now-6h"), "to": times.textOr("to", "now")},
		"graphTooltip": map[string]float64{"Off": 0, "Crosshair": 1, "Tooltip": 2}[spec.text("cursorSync")],
		"liveNow":      spec.flag("liveNow"),
	}
	for _, key := range []string{"tags", "links"} {
		if list, ok := spec[key].([]any); ok {
			classic[key] = list
		}
	}
	var variables []Object
	for _, v := range spec.objects("variables") {
		variables = append(variables, variableOfV2(v))
	}
	templating := Object{}
	templating.setObjects("list", variables)
	classic["templating"] = map[string]any(templating)
	var annotations []Object
	for _, a := range spec.objects("annotations") {
		annotations = append(annotations, annotationOfV2(a.object("spec")))
	}
	listed := Object{}
	listed.setObjects("list", annotations)
	classic["annotations"] = map[string]any(listed)
	l := v2Layout{elements: spec.object("elements")}
	l.add(spec.object("layout"), 0)
	classic.setObjects("panels", l.panels)
	return classic
}

func (o Object) textOr(key, otherwise string) string {
	if text := o.text(key); text != "" {
		return text
	}
	return otherwise
}

// annotationOfV2 brings what v2 keeps in the query, and what it keeps for older
// versions, beside the name, where the classic form has it.
func annotationOfV2(spec Object) Object {
	a := spec.copy()
	query := spec.object("query")
	if ref := datasourceOfV2(query, spec["datasource"]); ref != nil {
		a["datasource"] = ref
	}
	for _, settings := range []Object{query.object("spec"), spec.object("legacyOptions")} {
		for key, value := range settings {
			a.fill(key, value)
		}
	}
	delete(a, "query")
	delete(a, "legacyOptions")
	return a
}

func variableOfV2(variable Object) Object {
	v := variable.object("spec").copy()
	kind := strings.ToLower(strings.TrimSuffix(variable.text("kind"), "Variable"))
	if kind == "text" {
		kind = "textbox"
	}
	v["type"] = kind
	v["hide"] = map[string]float64{"hideLabel": 1, "hideVariable": 2}[v.text("hide")]
	v["refresh"] = map[string]float64{"onDashboardLoad": 1, "onTimeRangeChanged": 2}[v.text("refresh")]
	v["sort"] = map[string]float64{
		"alphabeticalAsc": 1, "alphabeticalDesc": 2, "numericalAsc": 3, "numericalDesc": 4, "alphabeticalCaseInsensitiveAsc": 5,
		"alphabeticalCaseInsensitiveDesc": 6, "naturalAsc": 7, "naturalDesc": 8,
	}[v.text("sort")]
	if query := v.object("query"); query != nil && kind == "query" {
		v["datasource"] = datasourceOfV2(query, v["datasource"])
		inner := query.object("spec")
		v["query"] = queryText(inner)
		if text := inner.text("__legacyStringValue"); text != "" {
			v["query"] = text
		}
	}
	if kind == "datasource" && v.text("pluginId") != "" {
		v["query"] = v.text("pluginId")
	}
	if kind == "adhoc" || kind == "groupby" {
		v["datasource"] = datasourceOfV2(variable, v["datasource"])
	}
	return v
}

// datasourceOfV2 finds the data source of a query: v2 has it in the group and
// the datasource's name, v2alpha1 as a reference beside the query.
func datasourceOfV2(query Object, beside any) any {
	ref := refOf(beside, Ref{})
	if group := query.text("group"); group != "" {
		ref.Type = group
	} else if kind := query.text("kind"); kind != "" && kind != "DataQuery" && !strings.HasSuffix(kind, "Variable") {
		ref.Type = kind
	}
	if name := query.object("datasource").text("name"); name != "" {
		ref.UID = name
	}
	if ref == (Ref{}) {
		return nil
	}
	return map[string]any{"type": ref.Type, "uid": ref.UID}
}

// v2Layout lays the elements of a v2 dashboard out on the classic grid.
type v2Layout struct {
	elements Object
	panels   []Object
	// row is the collapsed row that panels go into, if there is one.
	row Object
	// depth counts the rows and tabs around.
	depth int
}

// add lays a layout out below y and returns where it ends.
func (l *v2Layout) add(layout Object, y int) int {
	spec := layout.object("spec")
	switch layout.text("kind") {
	case "GridLayout":
		return l.grid(spec.objects("items"), y)
	case "AutoGridLayout":
		return l.auto(spec, y)
	case "RowsLayout":
		for _, row := range spec.objects("rows") {
			y = l.addRow(row.object("spec"), row.object("spec").text("title"), y)
		}
	case "TabsLayout": // the classic form has no tabs: each becomes a row, which the page shows as a tab if nothing is around it
		for _, tab := range spec.objects("tabs") {
			before := len(l.panels)
			y = l.addRow(tab.object("spec"), tab.object("spec").text("title"), y)
			if l.depth == 0 && len(l.panels) > before {
				l.panels[before]["tab"] = true
			}
		}
	}
	return y
}

func (l *v2Layout) addRow(spec Object, title string, y int) int {
	outer := l.row
	row := Object{"type": "row", "title": title, "collapsed": spec.flag("collapse"), "gridPos": gridPos(0, y, gridColumns, 1), "panels": []any{}}
	repeatOfV2(row, spec.object("repeat"))
	if !spec.flag("hideHeader") && outer == nil {
		l.panels = append(l.panels, row)
		y++
	}
	if spec.flag("collapse") && outer == nil {
		l.row = row
	}
	l.depth++
	end := l.add(spec.object("layout"), y)
	l.depth--
	if l.row != nil && outer == nil {
		l.row, end = nil, y // what is collapsed takes no room
	}
	return end
}

func repeatOfV2(panel, repeat Object) {
	if name := repeat.text("value"); name != "" {
		panel["repeat"] = name
		if direction := repeat.text("direction"); direction != "" {
			panel["repeatDirection"] = direction
		}
		if _, there := repeat["maxPerRow"]; there {
			panel["maxPerRow"] = repeat.number("maxPerRow")
		}
	}
}

func (l *v2Layout) grid(items []Object, y int) int {
	end := y
	for _, item := range items {
		spec := item.object("spec")
		if item.text("kind") == "GridLayoutRow" {
			row := Object{"title": spec.text("title"), "collapse": spec.flag("collapsed"), "repeat": map[string]any(spec.object("repeat")),
				"layout": map[string]any{"kind": "GridLayout", "spec": map[string]any{"items": spec["elements"]}}}
			end = max(end, l.addRow(row, spec.text("title"), end))
			continue
		}
		top := y + spec.integer("y")
		height := max(spec.integer("height"), 1)
		l.place(spec, gridPos(spec.integer("x"), top, max(spec.integer("width"), 1), height))
		end = max(end, top+height)
	}
	return end
}

// auto lays items out in columns of one width.
func (l *v2Layout) auto(spec Object, y int) int {
	columns := min(max(int(spec.numberOr("maxColumnCount", 3)), 1), gridColumns)
	width, height := gridColumns/columns, 8
	items := spec.objects("items")
	for i, item := range items {
		l.place(item.object("spec"), gridPos(i%columns*width, y+i/columns*height, width, height))
	}
	return y + (len(items)+columns-1)/columns*height
}

func (l *v2Layout) place(item Object, pos map[string]any) {
	element := l.elements.object(item.object("element").text("name"))
	if element == nil {
		return
	}
	panel := panelOfV2(element)
	panel["gridPos"] = pos
	repeatOfV2(panel, item.object("repeat"))
	if l.row != nil {
		l.row.setObjects("panels", append(l.row.objects("panels"), panel))
		return
	}
	l.panels = append(l.panels, panel)
}

func panelOfV2(element Object) Object {
	spec := element.object("spec")
	if element.text("kind") == "LibraryPanel" {
		name := spec.object("libraryPanel").text("name")
		return Object{"id": spec["id"], "type": libraryPanel, "title": spec.textOr("title", name), "libraryPanel": map[string]any(spec.object("libraryPanel"))}
	}
	viz := spec.object("vizConfig")
	kind := viz.text("kind")
	if kind == "VizConfig" {
		kind = viz.text("group")
	}
	panel := Object{
		"id": spec["id"], "type": kind, "title": spec.text("title"), "description": spec.text("description"), "transparent": spec.flag("transparent"),
	}
	for _, key := range []string{"options", "fieldConfig"} {
		if settings := viz.object("spec").object(key); settings != nil {
			panel[key] = map[string]any(settings)
		}
	}
	if links, ok := spec["links"].([]any); ok {
		panel["links"] = links
	}
	data := spec.object("data").object("spec")
	for key, value := range data.object("queryOptions") {
		panel[key] = value
	}
	var targets, transformations []Object
	for _, query := range data.objects("queries") {
		q := query.object("spec")
		target := q.object("query").object("spec").copy()
		target["refId"], target["hide"] = q.text("refId"), q.flag("hidden")
		target["datasource"] = datasourceOfV2(q.object("query"), q["datasource"])
		targets = append(targets, target)
	}
	for _, t := range data.objects("transformations") {
		transformation := t.object("spec").copy()
		transformation.fill("id", t.textOr("group", t.text("kind")))
		transformations = append(transformations, transformation)
	}
	panel.setObjects("targets", targets)
	panel.setObjects("transformations", transformations)
	return panel
}
