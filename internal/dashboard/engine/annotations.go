package engine

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// maxAnnotations is how many annotations of one query are shown.
const maxAnnotations = 1000

// Annotation is something that happened: at a time, or for a while. Times are
// Unix milliseconds.
type Annotation struct {
	ID      int64    `json:"id,omitempty"`
	Time    int64    `json:"time"`
	TimeEnd int64    `json:"timeEnd"`
	Title   string   `json:"title,omitempty"`
	Text    string   `json:"text"`
	Tags    []string `json:"tags"`
}

// Tagged tells whether an annotation has all tags that are wanted, or any of
// them.
func (a Annotation) Tagged(wanted []string, anyOf bool) bool {
	has := func(tag string) bool { return slices.Contains(a.Tags, tag) }
	if anyOf {
		return slices.ContainsFunc(wanted, has)
	}
	return !slices.ContainsFunc(wanted, func(tag string) bool { return !has(tag) })
}

// Layer is one of a dashboard's annotation queries, and what it found.
type Layer struct {
	Name string `json:"name"`
	// Enabled tells that the query was run.
	Enabled     bool                 `json:"enabled"`
	Color       string               `json:"color"`
	Filter      document.PanelFilter `json:"filter"`
	Annotations []Annotation         `json:"annotations"`
	Query       *SentQuery           `json:"query,omitempty"`
	Error       string               `json:"error,omitempty"`
}

func describeLayer(q document.AnnotationQuery) Layer {
	return Layer{
		Name: q.Name(), Enabled: q.Enabled(), Color: q.JSON.Text("iconColor"), Filter: q.Filter(),
		Annotations: []Annotation{},
	}
}

// Annotations runs the annotation queries of a dashboard. enabled turns layers
// on and off by their names; one that it does not name is as it was saved.
func (e *Engine) Annotations(
	ctx context.Context, d *document.Dashboard, r Request, enabled map[string]bool,
) ([]Layer, error) {
	queries := d.AnnotationQueries()
	layers := make([]Layer, len(queries))
	var sources []any
	for i, q := range queries {
		layers[i] = describeLayer(q)
		if chosen, said := enabled[q.Name()]; said {
			layers[i].Enabled = chosen
		}
		if layers[i].Enabled {
			sources = append(sources, q.JSON)
		}
	}
	variables, scope, err := e.resolveFor(ctx, d, r, sources)
	if err != nil {
		return nil, fmt.Errorf("reading the annotations: %w", err)
	}
	var running sync.WaitGroup
	slots := make(chan struct{}, concurrency)
	for i, q := range queries {
		if !layers[i].Enabled {
			continue
		}
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			run := annotationRun{engine: e, query: q, request: r, scope: scope, filters: filtersOf(variables)}
			run.fill(ctx, &layers[i])
		})
	}
	running.Wait()
	return layers, nil
}

// annotationRun is one annotation query on its way.
type annotationRun struct {
	engine  *Engine
	query   document.AnnotationQuery
	request Request
	scope   Scope
	filters []filter
}

// fill runs the query into its layer.
func (a annotationRun) fill(ctx context.Context, into *Layer) {
	var found []Annotation
	var err error
	ref := a.query.Datasource()
	switch {
	case a.query.Grafanas():
		found, err = a.events(ctx)
	case !runs(ref, a.scope):
		err = &NotRunnableError{Reason: fmt.Sprintf("data source %s is not run here; only Prometheus is", ref)}
	default:
		found, err = a.series(ctx, into)
	}
	if err != nil {
		into.Error = targetResult(nil, err).Error
		return
	}
	slices.SortStableFunc(found, func(x, y Annotation) int { return int(x.Time - y.Time) })
	if len(found) > maxAnnotations {
		into.Error = fmt.Sprintf("there are %d annotations; only the first %d are shown", len(found), maxAnnotations)
		found = found[:maxAnnotations]
	}
	into.Annotations = append(into.Annotations, found...)
}

// events are the Kubernetes events with the tags of the query. Annotations of
// a dashboard, which people write in Grafana, are not kept here: there are none.
func (a annotationRun) events(ctx context.Context) ([]Annotation, error) {
	if a.query.Text("type") != "tags" || a.engine.Events == nil {
		return nil, nil
	}
	var tags []string
	for _, tag := range a.query.Texts("tags") {
		tags = append(tags, a.scope.expand(tag, formatGlob))
	}
	all, err := a.engine.Events(ctx, a.request.Range)
	if err != nil {
		return nil, err
	}
	anyOf := a.query.Flag("matchAny")
	return slices.DeleteFunc(all, func(one Annotation) bool { return !one.Tagged(tags, anyOf) }), nil
}

// series makes annotations of the samples above zero of a range query.
func (a annotationRun) series(ctx context.Context, into *Layer) ([]Annotation, error) {
	step := a.scope.expand(a.query.Text("step"), formatGlob)
	if step == "" {
		step = document.AnnotationStep
	}
	times, err := spacing{
		Range: a.request.Range, MaxPoints: document.AnnotationPoints, Scrape: a.engine.ScrapeInterval, Target: step,
	}.timing()
	if err != nil {
		return nil, &prometheus.QueryError{Status: http.StatusBadRequest, Message: err.Error()}
	}
	scope := a.scope.with(times.values())
	expr := a.engine.withFilters(scope.expand(a.query.Text("expr"), formatPromQL), a.filters)
	if strings.TrimSpace(expr) == "" {
		return nil, &NotRunnableError{Reason: "the annotation has no query"}
	}
	began := time.Now()
	answer, err := a.engine.Prometheus.QueryRange(ctx, expr, aligned(a.request.Range, times.Step), times.Step)
	into.Query = &SentQuery{
		RefID: a.query.Name(), Expr: expr, Step: writeInterval(times.Step), Type: "range", Took: took(began),
		Series: len(answer.Series), Points: answer.CountPoints(),
	}
	if err != nil {
		return nil, err
	}
	form := annotationForm{
		title: scope.expand(a.query.Text("titleFormat"), formatText),
		text:  scope.expand(a.query.Text("textFormat"), formatText),
		tags:  strings.Split(scope.expand(a.query.Text("tagKeys"), formatGlob), ","),
		step:  times.Step.Milliseconds(),
	}
	form.valueIsTime = a.query.Flag("useValueForTime")
	var all []Annotation
	for _, series := range answer.Series {
		all = append(all, form.annotations(series)...)
	}
	return all, nil
}

// annotationForm says how a series becomes annotations.
type annotationForm struct {
	// title and text name labels, as {{pod}}; tags are labels.
	title, text string
	tags        []string
	// step is the query's, in milliseconds.
	step int64
	// valueIsTime takes the sample's value, in milliseconds, as the time.
	valueIsTime bool
}

// annotations are those of one series. Times that are no more than a step
// apart are one annotation, which lasts from the first to the last.
func (f annotationForm) annotations(series prometheus.Series) []Annotation {
	tags := []string{}
	for _, key := range f.tags {
		if value := series.Labels[strings.TrimSpace(key)]; value != "" {
			tags = append(tags, value)
		}
	}
	var all []Annotation
	for _, point := range series.Points {
		if !(point.V > 0) { // NaN is not above zero either
			continue
		}
		at := point.T
		if f.valueIsTime {
			at = int64(point.V)
		}
		if n := len(all); n > 0 && at >= all[n-1].Time && at <= all[n-1].TimeEnd+f.step {
			all[n-1].TimeEnd = max(all[n-1].TimeEnd, at)
			continue
		}
		all = append(all, Annotation{
			Time: at, TimeEnd: at, Title: fillLabels(f.title, series.Labels), Text: fillLabels(f.text, series.Labels),
			Tags: tags,
		})
	}
	return all
}
