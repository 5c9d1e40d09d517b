package check

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/internal/collector/origin"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// Origin is where a metric comes from.
type Origin struct {
	// Metric is its name as the receiver sends it.
	Metric string `json:"metric"`
	// Receiver is the collector's receiver, or who else sends it.
	Receiver string `json:"receiver"`
}

// Origins are the senders of the metrics that the collectors of an environment
// send, by the metrics' names in Prometheus.
func Origins() (map[string]Origin, error) {
	known, err := origin.Metrics()
	if err != nil {
		return nil, err
	}
	all := make(map[string]Origin, len(known))
	for name, from := range known {
		all[name] = Origin{Metric: from.Metric, Receiver: from.Receiver}
	}
	return all, nil
}

// MetricUse is one metric that queries read.
type MetricUse struct {
	Name string `json:"name"`
	// Origin is nil where nothing is known of it.
	Origin *Origin `json:"origin,omitempty"`
	// Recorded tells that a rule of the check records it.
	Recorded bool   `json:"recorded,omitempty"`
	Type     string `json:"type"`
	Unit     string `json:"unit"`
	Help     string `json:"help"`
	// Available tells that Prometheus has series of it.
	Available bool `json:"available"`
	// Labels are those that queries select, group or join by.
	Labels []string `json:"labels"`
	// Dashboards are the uids of those that read it, Rules the rules' names.
	Dashboards []string `json:"dashboards"`
	Rules      []string `json:"rules"`
	// Doubts are counters that are shown as they are, and rates of gauges.
	Doubts []Note `json:"doubts"`
}

// Metrics is what a check says of metrics.
type Metrics struct {
	Used []MetricUse `json:"used"`
	// Unused are the metrics that Prometheus has and nothing reads.
	Unused []string `json:"unused"`
}

// uses collects who reads which metric.
type uses map[string]*use

type use struct{ labels, dashboards, rules map[string]bool }

func (u uses) of(name string) *use {
	if u[name] == nil {
		u[name] = &use{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	}
	return u[name]
}

// add notes the metrics of a query with the labels that it relies on.
func (u uses) add(expr string, note func(*use)) {
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return
	}
	parser.Inspect(parsed, func(node parser.Node, path []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok || metricOf(s) == "" {
			return nil
		}
		one := u.of(metricOf(s))
		note(one)
		for _, name := range reliedOn(s, path) {
			one.labels[name] = true
		}
		return nil
	})
}

// reliedOn are the labels that a selector selects by, and those that what is
// around it groups or joins by.
func reliedOn(s *parser.VectorSelector, path []parser.Node) []string {
	var names []string
	for _, m := range s.LabelMatchers {
		if m.Name != model.MetricNameLabel {
			names = append(names, m.Name)
		}
	}
	for _, node := range path {
		switch e := node.(type) {
		case *parser.AggregateExpr:
			if !e.Without {
				names = append(names, e.Grouping...)
			}
		case *parser.BinaryExpr:
			if e.VectorMatching != nil && e.VectorMatching.On {
				names = append(names, e.VectorMatching.MatchingLabels...)
			}
		}
	}
	return names
}

// metrics says of each metric that was read where it comes from and what it is.
func (c *checker) metrics(ctx context.Context, results []Result) (*Metrics, error) {
	all := uses{}
	for _, r := range results {
		for _, q := range r.Queries {
			all.add(q.Expr, func(u *use) { u.dashboards[r.Dashboard] = true })
		}
	}
	for _, file := range c.Rules {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				all.add(rule.Expr, func(u *use) { u.rules[cmp.Or(rule.Alert, rule.Record)] = true })
			}
		}
	}
	r := prometheus.TimeRange{From: c.now.Add(-ruleRange), To: c.moment()}
	available, err := c.engine.Prometheus.LabelValues(ctx, model.MetricNameLabel, "", r)
	if err != nil {
		return nil, fmt.Errorf("asking for the metrics that there are: %w", err)
	}
	m := &Metrics{Used: []MetricUse{}, Unused: []string{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m.Used = append(m.Used, c.describe(name, all[name], slices.Contains(available, name)))
	}
	for _, name := range available {
		if all[name] == nil {
			m.Unused = append(m.Unused, name)
		}
	}
	m.doubt(results)
	return m, nil
}

func (c *checker) describe(name string, u *use, available bool) MetricUse {
	described := MetricUse{
		Name: name, Recorded: c.recorded[name], Available: available, Doubts: []Note{},
		Labels: sorted(u.labels), Dashboards: sorted(u.dashboards), Rules: sorted(u.rules),
	}
	if family, known := c.family(name); known {
		described.Type, described.Unit, described.Help = string(family.Type), family.Unit, family.Help
	}
	if from, known := c.Origins[name]; known {
		described.Origin = &from
	}
	return described
}

func sorted(set map[string]bool) []string {
	return append([]string{}, slices.Sorted(maps.Keys(set))...)
}

// doubt puts the notes about counters and gauges to their metrics.
func (m *Metrics) doubt(results []Result) {
	for i := range m.Used {
		one := &m.Used[i]
		for _, r := range results {
			for _, note := range r.Notes {
				about := note.Kind == NoteGaugeRate || note.Kind == NoteRawCounter
				if about && slices.Contains(metricNames(note.Text), one.Name) && !slices.Contains(one.Doubts, note) {
					one.Doubts = append(one.Doubts, note)
				}
			}
		}
	}
}

// WriteTable writes the metrics for people.
func (m *Metrics) WriteTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "METRIC\tFROM\tTYPE\tUNIT\tLABELS\tUSED BY\tDOUBTS")
	for _, one := range m.Used {
		from := "unknown"
		switch {
		case !one.Available:
			from = "not there"
		case one.Recorded:
			from = "a rule"
		case one.Origin != nil:
			from = one.Origin.Receiver
		}
		var doubts []string
		for _, note := range one.Doubts {
			doubts = append(doubts, note.Kind)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d dashboards, %d rules\t%s\n", one.Name, from, cmp.Or(one.Type, "-"),
			cmp.Or(one.Unit, "-"), cmp.Or(strings.Join(one.Labels, ","), "-"),
			len(one.Dashboards), len(one.Rules), strings.Join(doubts, ","))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the metrics: %w", err)
	}
	_, err := fmt.Fprintf(out, "\n%d metrics that no query reads: %s\n\n", len(m.Unused), strings.Join(m.Unused, ", "))
	return err
}
