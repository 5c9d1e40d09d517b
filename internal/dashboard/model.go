package dashboard

import "slices"

// Dashboard is one dashboard in its classic form, migrated to what today's
// panels read. It is not changed after it is loaded.
type Dashboard struct {
	// File is where it comes from, as errors and lists name it.
	File string
	// Folder is the folder that it is listed in; empty at the top.
	Folder string
	JSON   Object
}

// UID identifies a dashboard.
func (d *Dashboard) UID() string { return d.JSON.text("uid") }

// Title is the title, or the uid of a dashboard without one.
func (d *Dashboard) Title() string {
	if title := d.JSON.text("title"); title != "" {
		return title
	}
	return d.UID()
}

// Tags are the tags.
func (d *Dashboard) Tags() []string { return d.JSON.texts("tags") }

// Version counts the times it was saved.
func (d *Dashboard) Version() int { return d.JSON.integer("version") }

// Panel is one panel of a dashboard, a row included.
type Panel struct{ JSON Object }

// ID identifies the panel within its dashboard.
func (p Panel) ID() int { return p.JSON.integer("id") }

// Type is the panel's visualisation.
func (p Panel) Type() string { return p.JSON.text("type") }

// Title is the title as it is written, variables not filled in.
func (p Panel) Title() string { return p.JSON.text("title") }

// Description says what the panel is for.
func (p Panel) Description() string { return p.JSON.text("description") }

// Unit is the unit that its fields are shown in, empty where overrides give
// some of them another one.
func (p Panel) Unit() string {
	config := p.JSON.object("fieldConfig")
	for _, override := range config.objects("overrides") {
		for _, property := range override.objects("properties") {
			if property.text("id") == "unit" {
				return ""
			}
		}
	}
	return config.object("defaults").text("unit")
}

// Targets are the queries of the panel, in order.
func (p Panel) Targets() []Target {
	var targets []Target
	for _, object := range p.JSON.objects("targets") {
		targets = append(targets, Target{JSON: object, Datasource: refOf(object["datasource"], refOf(p.JSON["datasource"], Ref{}))})
	}
	return targets
}

// asked are the targets that are run.
func (p Panel) asked() []Target {
	if p.asksNothing() {
		return nil
	}
	return slices.DeleteFunc(p.Targets(), Target.Hidden)
}

// asksNothing tells that the panel is of a kind for which Grafana runs no
// queries, whatever it was before: skipDataQuery in its plugin.
func (p Panel) asksNothing() bool {
	switch p.Type() {
	case "text", "news", "dashlist", "alertlist", "annolist", "welcome", "gettingstarted", "live", "pluginlist":
		return true
	}
	return false
}

// Panels returns all panels in the order of the page, those of collapsed rows
// included.
func (d *Dashboard) Panels() []Panel {
	var all []Panel
	for _, object := range d.JSON.objects("panels") {
		all = append(all, Panel{object})
		for _, inner := range object.objects("panels") {
			all = append(all, Panel{inner})
		}
	}
	return all
}

// Panel returns the panel with an id.
func (d *Dashboard) Panel(id int) (Panel, bool) {
	for _, panel := range d.Panels() {
		if panel.ID() == id {
			return panel, true
		}
	}
	return Panel{}, false
}

// Target is one query of a panel.
type Target struct {
	JSON       Object
	Datasource Ref
}

// RefID names the target within its panel.
func (t Target) RefID() string { return t.JSON.text("refId") }

// Legend is the format of the names of its series.
func (t Target) Legend() string { return t.JSON.text("legendFormat") }

// Hidden tells that the target is not to be run.
func (t Target) Hidden() bool { return t.JSON.flag("hide") }

// Ref points at a data source.
type Ref struct{ Type, UID string }

const (
	prometheusType = "prometheus"
	expressionType = "__expr__"
	// DatasourceUID is the uid of the one data source there is.
	DatasourceUID = "prometheus"
	// DatasourceName is what it is called.
	DatasourceName = "Prometheus"
)

// refOf reads a reference: an object, or a name as old dashboards have it.
// What says nothing of its own is the fallback.
func refOf(v any, fallback Ref) Ref {
	if name, ok := v.(string); ok && name != "" {
		return Ref{UID: name}
	}
	object := asObject(v)
	ref := Ref{Type: object.text("type"), UID: object.text("uid")}
	if ref == (Ref{}) {
		return fallback
	}
	return ref
}

// Description says what the dashboard is for.
func (d *Dashboard) Description() string { return d.JSON.text("description") }

// Time are the two ends of the range that it opens on, as ParseRange reads them.
func (d *Dashboard) Time() (from, to string) {
	saved := d.JSON.object("time")
	return saved.text("from"), saved.text("to")
}

// Expr is the query as it is written.
func (t Target) Expr() string { return t.JSON.text("expr") }

// Prometheus tells that the target asks Prometheus, as far as its reference
// says by itself.
func (t Target) Prometheus() bool {
	return runs(t.Datasource, nil) && t.Datasource.Type != expressionType && t.Datasource.UID != expressionType
}

// NeedsQuery tells that the panel shows nothing without a query of its own:
// texts, lists and library panels do.
func (p Panel) NeedsQuery() bool {
	switch p.Type() {
	case "row", "canvas", "debug":
		return false
	}
	return !p.asksNothing() && p.JSON.object("libraryPanel") == nil
}
