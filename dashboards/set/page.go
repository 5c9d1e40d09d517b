package set

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// tag is on every dashboard of the set.
const tag = "diorama"

// A page is one dashboard: sections below each other.
type page struct {
	name, title, about string
	variables          []variable
	links              []top
	sections           []section
}

// A section is a line of panels of one height that share the width, or a heading.
type section struct {
	heading string
	height  uint32
	panels  []panel
}

const width = 24

func heading(title string) section { return section{heading: title, height: 1} }

// figures is a line of single numbers.
func figures(panels ...panel) section { return section{height: 4, panels: panels} }

// charts is a line of time series.
func charts(panels ...panel) section { return section{height: 8, panels: panels} }

// listing is a table over the whole width.
func listing(t table) section { return section{height: 10, panels: []panel{t}} }

func (p page) build(known metrics) (dashboard.Dashboard, error) {
	b := dashboard.NewDashboardBuilder(p.title).Uid(uid(p.name)).Description(p.about).
		Tags([]string{tag, "kubernetes", "opentelemetry"}).Editable().Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Time("now-1h", "now").Refresh("30s").Timezone("browser").Variables(p.variables).
		Links(append(neighbours(), p.links...))
	id, y := uint32(0), uint32(0)
	for _, s := range p.sections {
		if s.heading != "" {
			id++
			b.WithRow(dashboard.NewRowBuilder(s.heading).Id(id).GridPos(dashboard.GridPos{X: 0, Y: y, W: width, H: s.height}))
		}
		x := uint32(0)
		for i, one := range s.panels {
			id++
			// What the division leaves over goes to the last ones.
			w := (width - x) / uint32(len(s.panels)-i)
			about, err := known.describe(one)
			if err != nil {
				return dashboard.Dashboard{}, fmt.Errorf("dashboard %s: %w", p.name, err)
			}
			drawn, err := one.draw(frame{id: id, grid: dashboard.GridPos{X: x, Y: y, W: w, H: s.height}, description: about})
			if err != nil {
				return dashboard.Dashboard{}, fmt.Errorf("dashboard %s: %w", p.name, err)
			}
			b.WithPanel(built{drawn})
			x += w
		}
		y += s.height
	}
	return b.Build()
}

// built is a panel that is built already.
type built struct{ panel dashboard.Panel }

func (b built) Build() (dashboard.Panel, error) { return b.panel, nil }

// words are a panel's title and what it says about itself.
func words(p panel) (title, about string) {
	switch p := p.(type) {
	case numberPanel:
		return p.title, p.about
	case graph:
		return p.title, p.about
	case table:
		return p.title, p.about
	}
	return "", ""
}
