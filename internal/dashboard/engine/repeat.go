package engine

import (
	"context"
	"maps"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// View is a dashboard as it is shown: its panels after repeats, with the
// texts filled in.
type View struct {
	Title  string            `json:"title"`
	Panels []document.Object `json:"panels"`
	Links  []any             `json:"links"`
}

// View lays out a dashboard.
func (e *Engine) View(ctx context.Context, d *document.Dashboard, r Request) View {
	used := map[string]bool{}
	for _, p := range d.Panels() {
		used[p.JSON.Text("repeat")] = true
	}
	variables, scope := e.resolve(ctx, d, r, func(v document.Variable) bool { return true })
	chosen := map[string][]Option{}
	for _, v := range variables {
		if used[v.Name] {
			chosen[v.Name] = v.chosen()
		}
	}
	l := layout{chosen: chosen}
	for _, p := range d.Panels() {
		l.highest = max(l.highest, p.ID())
	}
	var panels []document.Object
	for _, panel := range d.JSON.Objects("panels") {
		panels = append(panels, panel.Copy())
	}
	panels = l.rows(panels)
	for _, panel := range panels {
		e.present(panel, scope)
	}
	copied := document.Object{"links": d.JSON["links"]}.Copy()
	links, _ := expandTexts(copied["links"], scope).([]any)
	if links == nil {
		links = []any{}
	}
	if panels == nil {
		panels = []document.Object{} // a list, for the page
	}
	return View{Title: scope.expand(d.Title(), formatText), Panels: panels, Links: links}
}

// Shown is one panel as it is shown: a panel that is repeated is shown several times.
type Shown struct {
	// Panel has its variables filled in in all but its targets.
	Panel document.Panel
	// SourceID is the id that it has in the dashboard's JSON.
	SourceID int
	// Scoped are the values that it is repeated for.
	Scoped map[string]Option
}

// Shown are the panels of the page but for rows, those of collapsed rows included.
func (e *Engine) Shown(ctx context.Context, d *document.Dashboard, r Request) []Shown {
	var all []Shown
	add := func(object document.Object) {
		if object.Text("type") == "row" {
			return
		}
		shown := Shown{
			Panel: document.Panel{JSON: object}, SourceID: object.Integer("sourceId"), Scoped: map[string]Option{},
		}
		vars := scopedVars(object)
		for name := range vars {
			shown.Scoped[name] = Option{Text: vars.Object(name).Text("text"), Value: vars.Object(name).Text("value")}
		}
		all = append(all, shown)
	}
	for _, object := range e.View(ctx, d, r).Panels {
		add(object)
		for _, inner := range object.Objects("panels") {
			add(inner)
		}
	}
	return all
}

// layout repeats rows and panels.
type layout struct {
	chosen  map[string][]Option
	highest int
}

// section is a row with the panels below it. The panels above the first row
// have none.
type section struct {
	row    document.Object
	panels []document.Object
}

func sections(panels []document.Object) []section {
	all := []section{{}}
	for _, panel := range panels {
		if panel.Text("type") == "row" {
			all = append(all, section{row: panel})
			continue
		}
		last := &all[len(all)-1]
		last.panels = append(last.panels, panel)
	}
	return all
}

// rows repeats rows, each with its panels, then the panels within. What is
// below moves down by what a repeat adds.
func (l *layout) rows(panels []document.Object) []document.Object {
	var out []document.Object
	down := 0
	for _, s := range sections(panels) {
		s.move(down)
		options, repeated := l.repeats(s.row)
		if !repeated {
			laid, grown := l.section(s)
			out, down = append(out, laid...), down+grown
			continue
		}
		height := s.height()
		for i, option := range options {
			c := s.clone()
			if i > 0 {
				l.renumber(c)
			}
			c.scope(s.row.Text("repeat"), option)
			laid, grown := l.section(c)
			out = append(out, laid...)
			if i < len(options)-1 {
				down += height + grown
				s.move(height + grown)
			} else {
				down += grown
			}
		}
	}
	return out
}

// repeats are the options that a panel or row is repeated for; one that has
// nothing to be repeated for is shown once.
func (l *layout) repeats(panel document.Object) ([]Option, bool) {
	options := l.chosen[panel.Text("repeat")]
	return options, panel.Text("repeat") != "" && len(options) > 0
}

// section lays out one row and what is below it; it returns by how much it grew.
func (l *layout) section(s section) ([]document.Object, int) {
	if s.row == nil {
		return l.panels(s.panels)
	}
	source(s.row)
	if inner := s.row.Objects("panels"); len(inner) > 0 {
		for _, panel := range inner {
			inherit(panel, s.row)
		}
		laid, _ := l.panels(inner)
		s.row.SetObjects("panels", laid)
	}
	for _, panel := range s.panels {
		inherit(panel, s.row)
	}
	laid, grown := l.panels(s.panels)
	return append([]document.Object{s.row}, laid...), grown
}

func inherit(panel, row document.Object) {
	vars := scopedVars(row)
	maps.Copy(vars, scopedVars(panel))
	if len(vars) > 0 {
		panel["scopedVars"] = map[string]any(vars)
	}
}

func scopedVars(panel document.Object) document.Object { return panel.Object("scopedVars").Copy() }

// source keeps the id that a panel has in the dashboard's JSON.
func source(panel document.Object) { panel.Fill("sourceId", panel["id"]) }

// panels repeats panels within a section.
func (l *layout) panels(panels []document.Object) ([]document.Object, int) {
	var out []document.Object
	grown := 0
	for i, panel := range panels {
		source(panel)
		options, repeated := l.repeats(panel)
		if !repeated {
			out = append(out, panel)
			continue
		}
		clones, added := l.repeatPanel(panel, options)
		out = append(out, clones...)
		grown += added
		below := bottom(panel)
		for _, later := range panels[i+1:] {
			if y := later.Object("gridPos").Integer("y"); y >= below {
				moveDown(later, added)
			}
		}
	}
	return out, grown
}

// repeatPanel makes the copies of one panel: below each other, or side by
// side over the whole width.
func (l *layout) repeatPanel(panel document.Object, options []Option) ([]document.Object, int) {
	pos := panel.Object("gridPos")
	x, y, width, height := pos.Integer("x"), pos.Integer("y"), pos.Integer("w"), max(pos.Integer("h"), 1)
	vertical := panel.Text("repeatDirection") == "v"
	if !vertical {
		perRow := panel.Integer("maxPerRow")
		if perRow < 1 {
			perRow = 4
		}
		x, width = 0, max(document.GridColumns/len(options), document.GridColumns/min(perRow, document.GridColumns), 1)
	}
	var clones []document.Object
	top := y
	for i, option := range options {
		clone := panel.Copy()
		if i > 0 {
			l.highest++
			clone["id"] = float64(l.highest)
			if vertical {
				y += height
			} else if x += width; x+width > document.GridColumns {
				x, y = 0, y+height
			}
		}
		setScoped(clone, panel.Text("repeat"), option)
		clone["gridPos"] = document.GridPos(x, y, width, height)
		clones = append(clones, clone)
	}
	return clones, y - top
}

func setScoped(panel document.Object, name string, option Option) {
	vars := scopedVars(panel)
	vars[name] = map[string]any{"text": option.Text, "value": option.Value}
	panel["scopedVars"] = map[string]any(vars)
}

func bottom(panel document.Object) int {
	pos := panel.Object("gridPos")
	return pos.Integer("y") + pos.Integer("h")
}

func moveDown(panel document.Object, by int) {
	pos := panel.Object("gridPos")
	panel["gridPos"] = document.GridPos(pos.Integer("x"), pos.Integer("y")+by, pos.Integer("w"), pos.Integer("h"))
}

func (s section) all() []document.Object {
	if s.row == nil {
		return s.panels
	}
	return append([]document.Object{s.row}, s.panels...)
}

func (s section) move(by int) {
	if by == 0 {
		return
	}
	for _, panel := range s.all() {
		moveDown(panel, by)
		for _, inner := range panel.Objects("panels") {
			moveDown(inner, by)
		}
	}
}

func (s section) height() int {
	lowest := bottom(s.row)
	for _, panel := range s.panels {
		lowest = max(lowest, bottom(panel))
	}
	return lowest - s.row.Object("gridPos").Integer("y")
}

func (s section) clone() section {
	c := section{row: s.row.Copy()}
	for _, panel := range s.panels {
		c.panels = append(c.panels, panel.Copy())
	}
	return c
}

// renumber gives the panels of a copied section ids of their own.
func (l *layout) renumber(s section) {
	for _, panel := range s.all() {
		for _, p := range append([]document.Object{panel}, panel.Objects("panels")...) {
			source(p)
			l.highest++
			p["id"] = float64(l.highest)
		}
	}
}

func (s section) scope(name string, option Option) {
	for _, panel := range s.all() {
		setScoped(panel, name, option)
	}
}
