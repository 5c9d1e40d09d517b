package document

const (
	// AnnotationStep is the step of a query that names none, and
	// AnnotationPoints how many points a range may have, as in Grafana.
	AnnotationStep   = "60s"
	AnnotationPoints = 100
)

// AnnotationQuery is the definition of a layer.
type AnnotationQuery struct{ JSON Object }

// AnnotationQueries are the definitions, in order.
func (d *Dashboard) AnnotationQueries() []AnnotationQuery {
	var all []AnnotationQuery
	for _, object := range d.JSON.Object("annotations").Objects("list") {
		all = append(all, AnnotationQuery{object})
	}
	return all
}

// Name is what the page calls the layer.
func (q AnnotationQuery) Name() string { return q.JSON.Text("name") }

// Enabled tells that the query is run unless somebody turns it off.
func (q AnnotationQuery) Enabled() bool {
	enabled, said := q.JSON["enable"].(bool)
	return enabled || !said
}

// field is a field of the query: old dashboards have it next to the name, later
// ones in the target.
func (q AnnotationQuery) field(key string) Object {
	if value, there := q.JSON.Object("target")[key]; there {
		return Object{key: value}
	}
	return Object{key: q.JSON[key]}
}

// text, texts and flag are fields of the query, as those of an Object.
func (q AnnotationQuery) Text(key string) string    { return q.field(key).Text(key) }
func (q AnnotationQuery) Texts(key string) []string { return q.field(key).Texts(key) }
func (q AnnotationQuery) Flag(key string) bool      { return q.field(key).Flag(key) }

// Datasource is what the query asks.
func (q AnnotationQuery) Datasource() Ref { return refOf(q.JSON["datasource"], Ref{}) }

// Grafanas tells that the query is for Grafana's own data source.
func (q AnnotationQuery) Grafanas() bool {
	ref := q.Datasource()
	return ref.UID == "-- Grafana --" || ref.UID == "grafana" || ref.Type == "grafana"
}

// Panel is a panel with the query as its only target.
func (q AnnotationQuery) Panel() Panel {
	step := q.Text("step")
	if step == "" {
		step = AnnotationStep
	}
	target := map[string]any{"refId": "Anno", "expr": q.Text("expr"), "interval": step}
	return Panel{Object{
		"title": q.Name(), "datasource": q.JSON["datasource"], "targets": []any{target},
		"maxDataPoints": float64(AnnotationPoints),
	}}
}

// PanelFilter names the panels that a layer is shown on: all, if there are no
// IDs; else those of the IDs, or all but those.
type PanelFilter struct {
	Exclude bool  `json:"exclude"`
	IDs     []int `json:"ids"`
}

// Filter says which panels the layer is shown on.
func (q AnnotationQuery) Filter() PanelFilter {
	filter := PanelFilter{Exclude: q.JSON.Object("filter").Flag("exclude"), IDs: []int{}}
	for _, id := range q.JSON.Object("filter").Texts("ids") {
		filter.IDs = append(filter.IDs, Object{"id": id}.Integer("id"))
	}
	return filter
}
