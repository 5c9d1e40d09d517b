// Package engine runs dashboards without Grafana: it resolves variables, repeats
// panels, fills in queries, asks Prometheus, and answers with data frames that
// carry the names Grafana's Prometheus data source gives them. Where a query
// returns nothing it says why.
package engine

import (
	"context"
	"strings"
	"time"

	"github.com/diorama-lab/diorama/internal/prometheus"
)

// Engine runs dashboards against one Prometheus.
type Engine struct {
	Prometheus prometheus.API
	// ScrapeInterval is the data source's: how often a series gets a sample.
	ScrapeInterval time.Duration
	// Events returns what happened in a range, newest first: annotations of
	// Grafana's own data source. It is nil where nothing is known.
	Events func(ctx context.Context, r prometheus.TimeRange) ([]Annotation, error)
	// Quick leaves out why something is empty: finding out asks many queries.
	Quick bool
}

// Request is for what a dashboard is run.
type Request struct {
	// Variables are the chosen values; a variable that is not in it has the
	// value it was saved with.
	Variables map[string][]string
	// ScopedVars are the values of a repeated panel.
	ScopedVars map[string]Option
	Range      prometheus.TimeRange
	// From and To are the range as it was asked for, such as now-1h: links
	// carry it on. Empty where only the range is known.
	From, To string
	// Now is what now meant when Range was made of them; zero is its end.
	Now time.Time
	// MaxDataPoints is the panel's width in points, Interval a lower bound
	// of the step.
	MaxDataPoints int
	Interval      time.Duration
	Timezone      string
	// Calendar is the dashboard's; its zone is that of Range.
	Calendar Calendar
}

// now is what panels with their own time are relative to.
func (r Request) now() time.Time {
	if r.Now.IsZero() {
		return r.Range.To
	}
	return r.Now.In(r.Range.To.Location())
}

// relative tells that the range moves with now: an end that is not given does.
func (r Request) relative() bool {
	return r.From == "" || r.To == "" || strings.Contains(r.From+r.To, "now")
}
