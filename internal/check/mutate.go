package check

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/common/model"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// Kinds of mutations.
const (
	// DropMetric takes all series of a metric away; what renames it does the
	// same to whoever asks for the old name.
	DropMetric = "drop-metric"
	// DropLabel takes a label off all series.
	DropLabel = "drop-label"
)

// Mutation is one change of what Prometheus answers, and who noticed.
type Mutation struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Noticed is how many targets turned red, of how many that read it.
	Noticed int `json:"noticed"`
	Readers int `json:"readers"`
}

// Blind is a target that no mutation turned red: it proves nothing.
type Blind struct {
	Dashboard  string `json:"dashboard"`
	Panel      int    `json:"panel"`
	PanelTitle string `json:"panelTitle"`
	Name       string `json:"name"`
	Expr       string `json:"expr"`
}

// Mutations is what mutation found.
type Mutations struct {
	Mutations []Mutation `json:"mutations"`
	Blind     []Blind    `json:"blind"`
}

// subject is a panel whose targets had data before any mutation.
type subject struct {
	dashboard *document.Dashboard
	job       job
	before    []Result
	uses      uses
}

// mutate drops one metric or label after the other, in what is asked and
// answered, and looks who notices.
func (c *checker) mutate(ctx context.Context) (*Mutations, error) {
	subjects, err := c.subjects(ctx)
	if err != nil {
		return nil, err
	}
	found := &Mutations{Mutations: []Mutation{}, Blind: []Blind{}}
	red := map[*Result]bool{}
	for _, mutation := range mutationsOf(subjects) {
		if ctx.Err() != nil {
			return found, nil
		}
		found.Mutations = append(found.Mutations, c.try(ctx, mutation, subjects, red))
	}
	for i := range subjects {
		s := &subjects[i]
		for j := range s.before {
			if r := &s.before[j]; r.proves() && !red[r] {
				found.Blind = append(found.Blind, Blind{r.Dashboard, r.Panel, r.PanelTitle, r.Name, r.expr()})
			}
		}
	}
	return found, nil
}

// subjects runs all panels once, with all values chosen.
func (c *checker) subjects(ctx context.Context) ([]subject, error) {
	var all []subject
	for _, d := range c.Dashboards {
		request, err := c.request(d, c.now)
		if err != nil {
			return nil, err
		}
		jobs, err := c.jobs(ctx, d, []choice{c.resolve(ctx, d, request, All, c.preferred(ctx, d, request))})
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			if j.kind == KindTarget {
				all = append(all, subject{dashboard: d, job: j, uses: uses{}})
			}
		}
	}
	c.each(ctx, len(all), func(i int) {
		s := &all[i]
		s.before = c.once(ctx, s.dashboard, s.job)
		for _, r := range s.before {
			s.uses.add(r.expr(), func(*use) {})
		}
	})
	return all, nil
}

// once runs a panel one time, without patience. One that cannot be run at all
// has its verdict already, and nothing that could turn red.
func (c *checker) once(ctx context.Context, d *document.Dashboard, j job) []Result {
	request, err := c.request(d, c.now)
	if err != nil {
		return nil
	}
	request.Variables, request.ScopedVars = j.choice.values, j.scoped
	results, err := c.targets(ctx, d, j, request)
	if err != nil {
		return nil
	}
	return results
}

// mutationsOf are a mutation for each metric and each label that is relied on.
func mutationsOf(subjects []subject) []Mutation {
	metrics, labels := map[string]bool{}, map[string]bool{}
	for _, s := range subjects {
		for name, use := range s.uses {
			metrics[name] = true
			maps.Copy(labels, use.labels)
		}
	}
	var all []Mutation
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		all = append(all, Mutation{Kind: DropMetric, Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, Mutation{Kind: DropLabel, Name: name})
	}
	return all
}

// reads tells that a subject's queries read what is mutated.
func (m Mutation) reads(s subject) bool {
	if m.Kind == DropMetric {
		return s.uses[m.Name] != nil
	}
	for _, use := range s.uses {
		if use.labels[m.Name] {
			return true
		}
	}
	return false
}

// try runs all panels that read what is mutated, and marks the targets that
// turned red.
func (c *checker) try(ctx context.Context, m Mutation, subjects []subject, red map[*Result]bool) Mutation {
	mutated := &checker{
		Options: c.Options, now: c.now, slots: c.slots, families: c.families, recorded: c.recorded, giveUp: c.giveUp,
	}
	mutated.engine = &engine.Engine{
		Prometheus: newMemory(mutant{c.Prometheus, m}), ScrapeInterval: c.ScrapeInterval, Quick: true,
	}
	var readers []*subject
	for i := range subjects {
		if m.reads(subjects[i]) {
			readers = append(readers, &subjects[i])
		}
	}
	var mu sync.Mutex
	c.each(ctx, len(readers), func(i int) {
		s := readers[i]
		after := mutated.once(ctx, s.dashboard, s.job)
		mu.Lock()
		defer mu.Unlock()
		for j := range s.before {
			before := &s.before[j]
			if !before.proves() || j >= len(after) {
				continue
			}
			m.Readers++
			if turnedRed(*before, after[j]) {
				red[before] = true
				m.Noticed++
			}
		}
	})
	return m
}

// proves tells that a target shows something, so that it could turn red.
func (r Result) proves() bool { return r.Verdict == Data || r.Verdict == Constant }

// turnedRed tells that a target shows that something is amiss: another
// verdict, or a doubt that it did not have.
func turnedRed(before, after Result) bool {
	return after.Verdict != before.Verdict || len(after.Notes) > len(before.Notes)
}

// WriteTable writes what mutation found for people.
func (m *Mutations) WriteTable(out io.Writer) error {
	var b strings.Builder
	unnoticed := 0
	for _, one := range m.Mutations {
		if one.Noticed == 0 {
			unnoticed++
			fmt.Fprintf(&b, "unnoticed  %s %s: none of %d targets turned red\n", one.Kind, one.Name, one.Readers)
		}
	}
	for _, blind := range m.Blind {
		fmt.Fprintf(&b, "blind      %s: %s %s: no mutation turns it red: %s\n", blind.Dashboard, blind.PanelTitle,
			blind.Name, strings.Join(strings.Fields(blind.Expr), " "))
	}
	fmt.Fprintf(&b, "%d mutations, %d of them unnoticed; %d targets that no mutation turns red\n\n", len(m.Mutations),
		unnoticed, len(m.Blind))
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("writing the mutations: %w", err)
	}
	return nil
}

// impossible is a value that no label has.
const impossible = "diorama_mutation_took_it_away"

var _ prometheus.API = mutant{}

// mutant answers as a Prometheus in which something is missing.
type mutant struct {
	prometheus.API
	m Mutation
}

func (p mutant) dropsLabel(name string) bool { return p.m.Kind == DropLabel && p.m.Name == name }

func (p mutant) dropsMetric(name string) bool {
	return p.m.Kind == DropMetric && name == p.m.Name && name != model.MetricNameLabel
}
