package document

import "slices"

// Dashboard is one dashboard in its classic form, migrated to what today's
// panels read. It is not changed after it is loaded.
type Dashboard struct {
	// File is where it comes from, as errors and lists name it; Part says where in
	// the file, and is empty where the file is the dashboard.
	File, Part string
	// Folder is the folder that it is listed in; empty at the top.
	Folder string
	JSON   Object
}

// Source names the file, and the part of it.
func (d *Dashboard) Source() string {
	if d.Part == "" {
		return d.File
	}
	return d.File + " (" + d.Part + ")"
}

// UID identifies a dashboard.
func (d *Dashboard) UID() string { return d.JSON.Text("uid") }

// Title is the title, or the uid of a dashboard without one.
func (d *Dashboard) Title() string {
	if title := d.JSON.Text("title"); title != "" {
		return title
	}
	return d.UID()
}

// Tags are the tags.
func (d *Dashboard) Tags() []string { return d.JSON.Texts("tags") }

// Version counts the times it was saved.
func (d *Dashboard) Version() int { return d.JSON.Integer("version") }

// Panel is one panel of a dashboard, a row included.
type Panel struct{ JSON Object }

// ID identifies the panel within its dashboard.
func (p Panel) ID() int { return p.JSON.Integer("id") }

// Type is the panel's visualisation.
func (p Panel) Type() string { return p.JSON.Text("type") }

// Title is the title as it is written, variables not filled in.
func (p Panel) Title() string { return p.JSON.Text("title") }

// Description says what the panel is for.
func (p Panel) Description() string { return p.JSON.Text("description") }

// Unit is the unit that its fields are shown in, empty where overrides give
// some of them another one.
func (p Panel) Unit() string {
	config := p.JSON.Object("fieldConfig")
	for _, override := range config.Objects("overrides") {
		for _, property := range override.Objects("properties") {
			if property.Text("id") == "unit" {
				return ""
			}
		}
	}
	return config.Object("defaults").Text("unit")
}

// Targets are the queries of the panel, in order.
func (p Panel) Targets() []Target {
	var targets []Target
	for _, object := range p.JSON.Objects("targets") {
		targets = append(targets, NewTarget(object, refOf(p.JSON["datasource"], Ref{})))
	}
	return targets
}

// Asked are the targets that are run.
func (p Panel) Asked() []Target {
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
	for _, object := range d.JSON.Objects("panels") {
		all = append(all, Panel{object})
		for _, inner := range object.Objects("panels") {
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

// NewTarget is the target of an object; fallback is what is asked where it does
// not say it.
func NewTarget(object Object, fallback Ref) Target {
	return Target{JSON: object, Datasource: refOf(object["datasource"], fallback)}
}

// RefID names the target within its panel.
func (t Target) RefID() string { return t.JSON.Text("refId") }

// Legend is the format of the names of its series.
func (t Target) Legend() string { return t.JSON.Text("legendFormat") }

// Hidden tells that the target is not to be run.
func (t Target) Hidden() bool { return t.JSON.Flag("hide") }

// Description says what the dashboard is for.
func (d *Dashboard) Description() string { return d.JSON.Text("description") }

// Time are the two ends of the range that it opens on, as ParseRange reads them.
func (d *Dashboard) Time() (from, to string) {
	saved := d.JSON.Object("time")
	return saved.Text("from"), saved.Text("to")
}

// Expr is the query as it is written.
func (t Target) Expr() string { return t.JSON.Text("expr") }

// Prometheus tells that the target asks Prometheus, as far as its reference
// says by itself.
func (t Target) Prometheus() bool {
	return t.Datasource.Prometheus() && !t.Datasource.Expression()
}

// NeedsQuery tells that the panel shows nothing without a query of its own:
// texts, lists and library panels do.
func (p Panel) NeedsQuery() bool {
	switch p.Type() {
	case "row", "canvas", "debug":
		return false
	}
	return !p.asksNothing() && p.JSON.Object("libraryPanel") == nil
}

// Sources are the parts of a panel whose variables its queries need.
func (p Panel) Sources() []any {
	return []any{p.JSON["targets"], p.JSON["datasource"], p.JSON["interval"], p.JSON["timeFrom"], p.JSON["timeShift"]}
}
