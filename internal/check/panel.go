package check

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
)

// job is one panel, or annotation, for one choice of values.
type job struct {
	kind   string
	panel  document.Panel
	id     int
	source string // its title as it is written
	choice choice
	scoped map[string]engine.Option
}

// jobs are the panels of a dashboard for each choice. A panel whose queries a
// choice does not change is run once.
func (c *checker) jobs(ctx context.Context, d *document.Dashboard, choices []choice) ([]job, error) {
	var all []job
	request, err := c.request(d, c.moment())
	if err != nil {
		return nil, err
	}
	known, titles := map[string]bool{}, map[int]string{}
	for _, p := range d.Panels() {
		titles[p.ID()] = p.Title()
	}
	add := func(j job) error {
		used, err := d.Uses(j.panel)
		if err != nil {
			return fmt.Errorf("%s: %w", d.File, err)
		}
		if key := j.key(used); !known[key] {
			known[key] = true
			all = append(all, j)
		}
		return nil
	}
	for _, choice := range choices {
		request.Variables = choice.values
		for _, a := range d.AnnotationQueries() {
			if a.Grafanas() {
				continue
			}
			if err := add(job{kind: KindAnnotation, panel: a.Panel(), choice: choice}); err != nil {
				return nil, err
			}
		}
		for _, shown := range c.engine.Shown(ctx, d, request) {
			one := job{
				kind: KindTarget, panel: shown.Panel, id: shown.SourceID, source: titles[shown.SourceID],
				choice: choice, scoped: shown.Scoped,
			}
			if err := add(one); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// key is the same for jobs that ask the same.
func (j job) key(used map[string]bool) string {
	text := fmt.Sprintf("%s %d %q", j.kind, j.id, j.panel.Title())
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if option, there := j.scoped[name]; there {
			text += fmt.Sprintf(" %s=%q", name, option.Value)
			continue
		}
		text += fmt.Sprintf(" %s=%q", name, j.choice.values[name])
	}
	return text
}

// panel runs the targets of a panel, again as long as some are empty and
// patience lasts.
func (c *checker) panel(ctx context.Context, d *document.Dashboard, j job) (results []Result) {
	err := c.patiently(ctx, func(request engine.Request) (bool, error) {
		request.Variables, request.ScopedVars = j.choice.values, j.scoped
		next, err := c.targets(ctx, d, j, request)
		if ctx.Err() == nil || results == nil {
			results = next
		}
		return slices.ContainsFunc(results, func(r Result) bool {
			return r.Verdict == Empty && !c.Declarations.covers(r)
		}), err
	}, d)
	if err != nil && ctx.Err() == nil {
		failed := j.result(d)
		failed.Verdict, failed.Why = Error, &engine.Reason{Kind: Refused, Text: err.Error()}
		results = append(results, failed)
	}
	return results
}

func (c *checker) targets(
	ctx context.Context, d *document.Dashboard, j job, request engine.Request,
) ([]Result, error) {
	var results []Result
	targets := map[string]document.Target{}
	for _, target := range j.panel.Targets() {
		targets[target.RefID()] = target
	}
	err := c.engine.RunEach(ctx, d, j.panel, request, func(o engine.Outcome) {
		result := j.result(d)
		result.judge(o, targets[o.RefID])
		if ctx.Err() != nil { // what failed is the check
			return
		}
		c.answered(result)
		if result.Verdict == Data {
			result.Notes = c.notes(ctx, request.Range, result.expr(), j.panel, targets[o.RefID], o.Result.Frames)
		}
		if result.Verdict == Empty && j.kind == KindAnnotation && !result.Why.MissingInput() {
			result.Declared = "an annotation marks nothing as long as nothing happens"
		}
		results = append(results, result)
	})
	if len(j.panel.Targets()) == 0 && j.panel.NeedsQuery() {
		result := j.result(d)
		result.Verdict, result.Why = Empty, &engine.Reason{Kind: engine.NoQuery, Text: "the panel has no query"}
		results = append(results, result)
	}
	return results, err
}

// result begins the result of one of the job's targets.
func (j job) result(d *document.Dashboard) Result {
	r := newResult(d, j.kind, j.choice)
	r.Panel, r.PanelTitle = j.id, j.panel.Title()
	if j.kind == KindAnnotation {
		r.Name = j.panel.Title()
	}
	r.described, r.sourceTitle = described(j.panel.Description()), j.source
	for name, option := range j.scoped {
		if r.Scoped == nil {
			r.Scoped = map[string]string{}
		}
		r.Scoped[name] = option.Value
	}
	return r
}

func newResult(d *document.Dashboard, kind string, chosen choice) Result {
	return Result{
		Dashboard: d.UID(), DashboardTitle: d.Title(), File: d.File, Part: d.Part, Kind: kind, Choice: chosen.name,
	}
}

// variableResults says of each query variable whether it has values. A
// variable that says the same for every choice is reported once.
func variableResults(d *document.Dashboard, choices []choice) []Result {
	var results []Result
	reported := map[string]bool{}
	for _, choice := range choices {
		for _, v := range choice.variables {
			result := newResult(d, KindVariable, choice)
			result.Name, result.Verdict = v.Name, Data
			switch {
			case v.NotHere():
				result.Verdict, result.Why = Skipped, &engine.Reason{Kind: NotHere, Text: v.Error}
			case v.Error != "":
				result.Verdict, result.Why = Error, &engine.Reason{Kind: Refused, Text: v.Error}
			case v.Type != "query":
				continue
			case v.Empty != nil:
				result.Verdict, result.Why = Empty, v.Empty
			}
			if key := fmt.Sprint(v.Name, result.Verdict, v.Error, v.Empty); !reported[key] {
				reported[key] = true
				results = append(results, result)
			}
		}
	}
	return results
}
