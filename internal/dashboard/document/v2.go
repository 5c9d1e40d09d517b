package document

import "strings"

// classicOfV2 writes the spec of a v2 dashboard resource in the classic form.
func classicOfV2(spec Object) Object {
	times := spec.Object("timeSettings")
	classic := Object{
		"title": spec.Text("title"), "description": spec.Text("description"), "schemaVersion": 41.0,
		"refresh": times.Text("autoRefresh"), "timezone": times.Text("timezone"),
		"time":         map[string]any{"from": times.TextOr("from", "now-6h"), "to": times.TextOr("to", "now")},
		"graphTooltip": map[string]float64{"Off": 0, "Crosshair": 1, "Tooltip": 2}[spec.Text("cursorSync")],
		"liveNow":      spec.Flag("liveNow"),
	}
	for _, key := range []string{"tags", "links"} {
		if list, ok := spec[key].([]any); ok {
			classic[key] = list
		}
	}
	var variables []Object
	for _, v := range spec.Objects("variables") {
		variables = append(variables, variableOfV2(v))
	}
	templating := Object{}
	templating.SetObjects("list", variables)
	classic["templating"] = map[string]any(templating)
	var annotations []Object
	for _, a := range spec.Objects("annotations") {
		annotations = append(annotations, annotationOfV2(a.Object("spec")))
	}
	listed := Object{}
	listed.SetObjects("list", annotations)
	classic["annotations"] = map[string]any(listed)
	l := v2Layout{elements: spec.Object("elements")}
	l.add(spec.Object("layout"), 0)
	classic.SetObjects("panels", l.panels)
	return classic
}

func (o Object) TextOr(key, otherwise string) string {
	if text := o.Text(key); text != "" {
		return text
	}
	return otherwise
}

// annotationOfV2 brings what v2 keeps in the query, and what it keeps for older
// versions, next to the name, where the classic form has it.
func annotationOfV2(spec Object) Object {
	a := spec.Copy()
	query := spec.Object("query")
	if ref := datasourceOfV2(query, spec["datasource"]); ref != nil {
		a["datasource"] = ref
	}
	for _, settings := range []Object{query.Object("spec"), spec.Object("legacyOptions")} {
		for key, value := range settings {
			a.Fill(key, value)
		}
	}
	delete(a, "query")
	delete(a, "legacyOptions")
	return a
}

func variableOfV2(variable Object) Object {
	v := variable.Object("spec").Copy()
	kind := strings.ToLower(strings.TrimSuffix(variable.Text("kind"), "Variable"))
	if kind == "text" {
		kind = "textbox"
	}
	v["type"] = kind
	v["hide"] = map[string]float64{"hideLabel": 1, "hideVariable": 2}[v.Text("hide")]
	v["refresh"] = map[string]float64{"onDashboardLoad": 1, "onTimeRangeChanged": 2}[v.Text("refresh")]
	v["sort"] = map[string]float64{
		"alphabeticalAsc": 1, "alphabeticalDesc": 2, "numericalAsc": 3, "numericalDesc": 4,
		"alphabeticalCaseInsensitiveAsc": 5, "alphabeticalCaseInsensitiveDesc": 6, "naturalAsc": 7, "naturalDesc": 8,
	}[v.Text("sort")]
	if query := v.Object("query"); query != nil && kind == "query" {
		v["datasource"] = datasourceOfV2(query, v["datasource"])
		inner := query.Object("spec")
		v["query"] = queryText(inner)
		if text := inner.Text("__legacyStringValue"); text != "" {
			v["query"] = text
		}
	}
	if kind == "datasource" && v.Text("pluginId") != "" {
		v["query"] = v.Text("pluginId")
	}
	if kind == "adhoc" || kind == "groupby" {
		v["datasource"] = datasourceOfV2(variable, v["datasource"])
	}
	return v
}

// datasourceOfV2 finds the data source of a query: v2 has it in the group and
// the datasource's name, v2alpha1 as a reference alongside the query.
func datasourceOfV2(query Object, alongside any) any {
	ref := refOf(alongside, Ref{})
	if group := query.Text("group"); group != "" {
		ref.Type = group
	} else if kind := query.Text("kind"); kind != "" && kind != "DataQuery" && !strings.HasSuffix(kind, "Variable") {
		ref.Type = kind
	}
	if name := query.Object("datasource").Text("name"); name != "" {
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
	spec := layout.Object("spec")
	switch layout.Text("kind") {
	case "GridLayout":
		return l.grid(spec.Objects("items"), y)
	case "AutoGridLayout":
		return l.auto(spec, y)
	case "RowsLayout":
		for _, row := range spec.Objects("rows") {
			y = l.addRow(row.Object("spec"), row.Object("spec").Text("title"), y)
		}
	case "TabsLayout":
		// The classic form has no tabs: each becomes a row, which the page shows as a tab if nothing is around it.
		for _, tab := range spec.Objects("tabs") {
			before := len(l.panels)
			y = l.addRow(tab.Object("spec"), tab.Object("spec").Text("title"), y)
			if l.depth == 0 && len(l.panels) > before {
				l.panels[before]["tab"] = true
			}
		}
	}
	return y
}

func (l *v2Layout) addRow(spec Object, title string, y int) int {
	outer := l.row
	row := Object{
		"type": "row", "title": title, "collapsed": spec.Flag("collapse"), "gridPos": GridPos(0, y, GridColumns, 1),
		"panels": []any{},
	}
	repeatOfV2(row, spec.Object("repeat"))
	if !spec.Flag("hideHeader") && outer == nil {
		l.panels = append(l.panels, row)
		y++
	}
	if spec.Flag("collapse") && outer == nil {
		l.row = row
	}
	l.depth++
	end := l.add(spec.Object("layout"), y)
	l.depth--
	if l.row != nil && outer == nil {
		l.row, end = nil, y // what is collapsed takes no room
	}
	return end
}

func repeatOfV2(panel, repeat Object) {
	if name := repeat.Text("value"); name != "" {
		panel["repeat"] = name
		if direction := repeat.Text("direction"); direction != "" {
			panel["repeatDirection"] = direction
		}
		if _, there := repeat["maxPerRow"]; there {
			panel["maxPerRow"] = repeat.Number("maxPerRow")
		}
	}
}

func (l *v2Layout) grid(items []Object, y int) int {
	end := y
	for _, item := range items {
		spec := item.Object("spec")
		if item.Text("kind") == "GridLayoutRow" {
			row := Object{"title": spec.Text("title"), "collapse": spec.Flag("collapsed"),
				"repeat": map[string]any(spec.Object("repeat")),
				"layout": map[string]any{"kind": "GridLayout", "spec": map[string]any{"items": spec["elements"]}}}
			end = max(end, l.addRow(row, spec.Text("title"), end))
			continue
		}
		top := y + spec.Integer("y")
		height := max(spec.Integer("height"), 1)
		l.place(spec, GridPos(spec.Integer("x"), top, max(spec.Integer("width"), 1), height))
		end = max(end, top+height)
	}
	return end
}

// auto lays items out in columns of one width.
func (l *v2Layout) auto(spec Object, y int) int {
	columns := min(max(int(spec.NumberOr("maxColumnCount", 3)), 1), GridColumns)
	width, height := GridColumns/columns, 8
	items := spec.Objects("items")
	for i, item := range items {
		l.place(item.Object("spec"), GridPos(i%columns*width, y+i/columns*height, width, height))
	}
	return y + (len(items)+columns-1)/columns*height
}

func (l *v2Layout) place(item Object, pos map[string]any) {
	element := l.elements.Object(item.Object("element").Text("name"))
	if element == nil {
		return
	}
	panel := panelOfV2(element)
	panel["gridPos"] = pos
	repeatOfV2(panel, item.Object("repeat"))
	if l.row != nil {
		l.row.SetObjects("panels", append(l.row.Objects("panels"), panel))
		return
	}
	l.panels = append(l.panels, panel)
}

func panelOfV2(element Object) Object {
	spec := element.Object("spec")
	if element.Text("kind") == "LibraryPanel" {
		name := spec.Object("libraryPanel").Text("name")
		return Object{
			"id": spec["id"], "type": libraryPanel, "title": spec.TextOr("title", name),
			"libraryPanel": map[string]any(spec.Object("libraryPanel")),
		}
	}
	viz := spec.Object("vizConfig")
	kind := viz.Text("kind")
	if kind == "VizConfig" {
		kind = viz.Text("group")
	}
	panel := Object{
		"id": spec["id"], "type": kind, "title": spec.Text("title"), "description": spec.Text("description"),
		"transparent": spec.Flag("transparent"),
	}
	for _, key := range []string{"options", "fieldConfig"} {
		if settings := viz.Object("spec").Object(key); settings != nil {
			panel[key] = map[string]any(settings)
		}
	}
	if links, ok := spec["links"].([]any); ok {
		panel["links"] = links
	}
	data := spec.Object("data").Object("spec")
	for key, value := range data.Object("queryOptions") {
		panel[key] = value
	}
	var targets, transformations []Object
	for _, query := range data.Objects("queries") {
		q := query.Object("spec")
		target := q.Object("query").Object("spec").Copy()
		target["refId"], target["hide"] = q.Text("refId"), q.Flag("hidden")
		target["datasource"] = datasourceOfV2(q.Object("query"), q["datasource"])
		targets = append(targets, target)
	}
	for _, t := range data.Objects("transformations") {
		transformation := t.Object("spec").Copy()
		transformation.Fill("id", t.TextOr("group", t.Text("kind")))
		transformations = append(transformations, transformation)
	}
	panel.SetObjects("targets", targets)
	panel.SetObjects("transformations", transformations)
	return panel
}
