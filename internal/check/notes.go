package check

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// Kinds of notes.
const (
	// NoteNoLabel: a label of by, on or the legend is on no series.
	NoteNoLabel = "no-label"
	// NoteGaugeRate: rate of what is no counter.
	NoteGaugeRate = "rate-of-gauge"
	// NoteRawCounter: a counter whose value is shown as it is.
	NoteRawCounter = "raw-counter"
	// NoteShortRange: a range that has enough samples only now and then.
	NoteShortRange = "short-range"
	// NoteUnit: the panel's unit is another one than the query's.
	NoteUnit = "unit"
	// NoteNotLoaded: a recording rule's series that nothing records.
	NoteNotLoaded = "not-recorded"
)

// noter finds doubts about a query that has data.
type noter struct {
	c      *checker
	r      prometheus.TimeRange
	expr   parser.Expr
	frames data.Frames
}

func (c *checker) notes(
	ctx context.Context, r prometheus.TimeRange, expr string, panel document.Panel, target document.Target,
	frames data.Frames,
) []Note {
	parsed, err := newParser().ParseExpr(expr)
	if err != nil {
		return nil
	}
	n := noter{c, r, parsed, frames}
	all := slices.Concat(n.groupings(ctx), n.legend(target.Legend()), n.counters(), n.ranges(), n.unit(panel),
		n.recorded(ctx))
	slices.SortStableFunc(all, func(a, b Note) int { return strings.Compare(a.Kind+a.Text, b.Kind+b.Text) })
	return slices.Compact(all)
}

// groupings finds labels that the query groups or joins by and no series has.
// A label that only some objects have, and others with it that all have, is
// no reason for doubt.
func (n noter) groupings(ctx context.Context) []Note {
	known, err := n.c.engine.Prometheus.LabelNames(ctx, "", n.r)
	if err != nil {
		return nil
	}
	var all []Note
	check := func(word string, names []string, below ...parser.Node) {
		var missing, unknown []string
		for _, name := range names {
			if !n.carried(ctx, name, below) {
				missing = append(missing, name)
				if !slices.Contains(known, name) {
					unknown = append(unknown, name)
				}
			}
		}
		if len(missing) < len(names) {
			missing = unknown
		}
		if len(missing) > 0 {
			all = append(all, newNote(NoteNoLabel, "%s: no series there has the label %s", word, strings.Join(missing, ", ")))
		}
	}
	parser.Inspect(n.expr, func(node parser.Node, _ []parser.Node) error {
		switch e := node.(type) {
		case *parser.AggregateExpr:
			if !e.Without {
				check("by", e.Grouping, e.Expr)
			}
		case *parser.BinaryExpr:
			if m := e.VectorMatching; m != nil && m.On {
				check("on", m.MatchingLabels, e.LHS, e.RHS)
			}
			if m := e.VectorMatching; m != nil {
				check("group", m.Include, e.LHS, e.RHS)
			}
		}
		return nil
	})
	return all
}

// carried tells that some series below has a label, or that the query makes it.
func (n noter) carried(ctx context.Context, name string, below []parser.Node) bool {
	found, selected := false, false
	for _, node := range below {
		parser.Inspect(node, func(node parser.Node, _ []parser.Node) error {
			switch e := node.(type) {
			case *parser.Call: // label_replace and label_join make their second argument
				if strings.HasPrefix(e.Func.Name, "label_") && e.Args[1].String() == fmt.Sprintf("%q", name) ||
					e.Func.Name == "info" {
					found = true
				}
			case *parser.AggregateExpr: // count_values makes its parameter
				found = found || e.Op == parser.COUNT_VALUES
			case *parser.VectorSelector:
				selected = true
				names, err := n.c.engine.Prometheus.LabelNames(ctx, nameText(e), n.r)
				found = found || err != nil || slices.Contains(names, name)
			}
			return nil
		})
	}
	return found || !selected
}

// nameText is a selector without all that does not concern the metric's name.
func nameText(s *parser.VectorSelector) string {
	var texts []string
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel {
			texts = append(texts, m.String())
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return "{" + strings.Join(texts, ",") + "}"
}

var legendLabel = regexp.MustCompile(`\{\{\s*(.+?)\s*\}\}`)

// legend finds labels of the legend that no series of the result has.
func (n noter) legend(format string) []Note {
	var all []Note
	for _, parts := range legendLabel.FindAllStringSubmatch(format, -1) {
		if !hasLabel(n.frames, parts[1]) {
			all = append(all, newNote(NoteNoLabel,
				"the legend shows the label %s, which no series of the result has", parts[1]))
		}
	}
	return all
}

func hasLabel(frames data.Frames, name string) bool {
	for _, frame := range frames {
		for _, field := range frame.Fields {
			if _, there := field.Labels[name]; there || field.Name == name {
				return true
			}
		}
	}
	return false
}

// counters finds counters that are shown as they are, and rates of gauges.
func (n noter) counters() []Note {
	var all []Note
	parser.Inspect(n.expr, func(node parser.Node, path []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		name := metricOf(s)
		switch n.c.typeOf(name) {
		case model.MetricTypeGauge:
			if f := rateAbove(path); f != "" {
				all = append(all, newNote(NoteGaugeRate,
					"%s of %s, which is a gauge: it may fall, and each fall is taken for a restart", f, name))
			}
		case model.MetricTypeCounter:
			if shownRaw(s, path) {
				all = append(all, newNote(NoteRawCounter,
					"%s is a counter and is shown without rate or increase: its value is the sum since whenever it began", name))
			}
		}
		return nil
	})
	return all
}

// ranges finds functions whose range has two samples only now and then.
func (n noter) ranges() []Note {
	var all []Note
	parser.Inspect(n.expr, func(node parser.Node, _ []parser.Node) error {
		call, ok := node.(*parser.Call)
		if !ok || !engine.NeedsTwoSamples(call.Func.Name) {
			return nil
		}
		if m, ok := call.Args[0].(*parser.MatrixSelector); ok && m.Range < 2*n.c.ScrapeInterval {
			all = append(all, newNote(NoteShortRange,
				"%s over %s needs two samples, and series get one every %s: there are gaps", call.Func.Name, m.Range,
				n.c.ScrapeInterval))
		}
		return nil
	})
	return all
}

func metricOf(s *parser.VectorSelector) string {
	for _, m := range s.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return s.Name
}

// rateAbove is the function for counters that a selector is in.
func rateAbove(path []parser.Node) string {
	for i := len(path) - 1; i >= 0; i-- {
		if call, ok := path[i].(*parser.Call); ok {
			if name := call.Func.Name; name == "rate" || name == "irate" || name == "increase" {
				return name
			}
			return ""
		}
	}
	return ""
}

// shownRaw tells that nothing around a selector makes a counter's value into
// something else: a function over time, a count, a comparison, a difference.
func shownRaw(s *parser.VectorSelector, path []parser.Node) bool {
	if s.OriginalOffset != 0 || strings.Contains(metricOf(s), "uptime") {
		return false
	}
	for i, node := range path {
		switch e := node.(type) {
		case *parser.MatrixSelector, *parser.SubqueryExpr:
			return false
		case *parser.Call:
			switch e.Func.Name {
			case "absent", "timestamp", "label_replace", "label_join", "scalar":
				return false
			}
		case *parser.AggregateExpr:
			if e.Op == parser.COUNT || e.Op == parser.GROUP || e.Op == parser.COUNT_VALUES {
				return false
			}
		case *parser.BinaryExpr:
			difference := e.Op == parser.SUB || e.Op == parser.DIV || e.Op.IsComparisonOperator()
			right := i+1 < len(path) && path[i+1] == e.RHS || i+1 == len(path) && parser.Node(s) == e.RHS
			if difference || right && (e.Op == parser.LAND || e.Op == parser.LUNLESS) {
				return false
			}
		}
	}
	return true
}

// recorded finds series of recording rules that nothing records: the query has
// data from elsewhere.
func (n noter) recorded(ctx context.Context) []Note {
	var all []Note
	for _, s := range engine.Selectors(n.expr) {
		name := metricOf(s)
		if !strings.Contains(name, ":") {
			continue
		}
		found, err := n.c.engine.Prometheus.LabelNames(ctx, nameText(s), n.r)
		if err == nil && len(found) == 0 {
			all = append(all, newNote(NoteNotLoaded,
				"%s is the name of a recording rule, and none that is loaded records it", name))
		}
	}
	return all
}
