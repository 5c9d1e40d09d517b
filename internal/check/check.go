package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
	"github.com/diorama-lab/diorama/internal/wait"
)

// Options is what is checked, and against what.
type Options struct {
	Prometheus prometheus.API
	// Address is what reports call the Prometheus.
	Address string
	// ScrapeInterval is how often a series gets a sample.
	ScrapeInterval time.Duration
	Dashboards     []*document.Dashboard
	Rules          []RuleFile
	// Problems are files that could not be read; Run adds dashboards that Grafana
	// would not take.
	Problems []string
	// Passed is what else the files hold.
	Passed       []Passed
	Declarations Declarations
	// Each names variables all of whose values are checked, one by one.
	Each []string
	// Patience is how long what is empty is asked for again: series may be
	// about to come.
	Patience time.Duration
	// Strict makes notes, constants and stale declarations findings.
	Strict bool
	// Metrics asks for what is known of each metric, Mutate for who notices
	// that one is missing.
	Metrics, Mutate bool
	// Origins are the senders of metrics, by their names in Prometheus.
	Origins map[string]Origin
	// Progress, if set, hears after each panel how many are done, of how many
	// that are known so far.
	Progress func(done, known int)
}

// concurrency is how many panels are run at a time, each with one query under
// way: what is held in memory are that many results.
const concurrency = 4

// points is the width of a panel, in points.
const points = 300

// retry is how long to wait before asking again for what is empty.
const retry = 2 * time.Second

// surrender is how many queries in a row Prometheus may leave unanswered.
const surrender = 20

// ErrGone tells that Prometheus stopped answering during a check.
var ErrGone = errors.New("no answer from Prometheus any more")

type checker struct {
	Options
	engine *engine.Engine
	now    time.Time
	// until is the end of Patience.
	until time.Time
	slots chan struct{}
	// families is the metadata of metrics, recorded the names that rules record.
	families map[string][]metric
	recorded map[string]bool

	mu         sync.Mutex
	done       int
	known      int
	unanswered int
	giveUp     context.CancelCauseFunc
}

// Run checks. When ctx ends before it is through, the report has what was
// found until then, and says so. The error is ErrGone, or says what makes the
// check impossible.
func Run(ctx context.Context, o Options) (Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &checker{
		Options: o, engine: &engine.Engine{Prometheus: newMemory(o.Prometheus), ScrapeInterval: o.ScrapeInterval},
		now: time.Now(), slots: make(chan struct{}, concurrency), giveUp: cancel,
	}
	c.until = c.now.Add(o.Patience)
	if err := errors.Join(c.eachKnown(), c.reach(ctx)); err != nil {
		return Report{}, err
	}
	c.learn(ctx)
	c.recorded = recordedBy(o.Rules)
	report := Report{
		Taken: c.now.UTC().Truncate(time.Second), Prometheus: o.Address, Results: []Result{}, Rules: []RuleResult{},
		Stale: []Stale{}, Problems: append([]string{}, o.Problems...), PassedOver: o.Passed,
	}
	report.Problems = append(report.Problems, refused(o.Dashboards)...)
	var failed error
	for _, d := range o.Dashboards {
		results, err := c.dashboard(ctx, d)
		report.Results = append(report.Results, results...)
		if errors.As(err, new(*rangeError)) {
			report.Problems = append(report.Problems, err.Error())
			continue
		}
		if err != nil && ctx.Err() == nil {
			failed = err
			break
		}
	}
	if failed == nil {
		report.Rules = c.rules(ctx)
	}
	if failed == nil && ctx.Err() == nil {
		failed = c.extras(ctx, &report)
	}
	report.Interrupted = ctx.Err() != nil
	if report.Interrupted && errors.Is(context.Cause(ctx), ErrGone) {
		failed = context.Cause(ctx)
	}
	report.declare(o.Declarations)
	report.summarize(o.Strict)
	return report, failed
}

// refused are the dashboards that would not be seen in Grafana.
func refused(all []*document.Dashboard) []string {
	var problems []string
	why := document.RefusedByGrafana(all)
	for i := range all {
		if e, no := why[i]; no {
			problems = append(problems, e.Error())
		}
	}
	return problems
}

// extras adds what is asked for on top of verdicts.
func (c *checker) extras(ctx context.Context, report *Report) (err error) {
	if c.Metrics {
		report.Metrics, err = c.metrics(ctx, report.Results)
	}
	if c.Mutate && err == nil {
		report.Mutations, err = c.mutate(ctx)
	}
	return err
}

// eachKnown says which variables of Each no dashboard has.
func (c *checker) eachKnown() error {
	var unknown []string
	for _, name := range c.Each {
		if !slices.ContainsFunc(c.Dashboards, func(d *document.Dashboard) bool {
			return slices.ContainsFunc(d.Variables(), func(v document.Variable) bool { return v.Name() == name })
		}) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("--each %s: no dashboard has a variable of that name", strings.Join(unknown, ","))
	}
	return nil
}

// reach says what is wrong with a Prometheus that cannot be asked at all.
func (c *checker) reach(ctx context.Context) error {
	if _, err := c.Prometheus.Query(ctx, "vector(1)", c.now); err != nil {
		return fmt.Errorf("%s cannot be asked: %w", c.Address, err)
	}
	return nil
}

// dashboard runs all that a dashboard asks, for each choice of its variables.
func (c *checker) dashboard(ctx context.Context, d *document.Dashboard) ([]Result, error) {
	var choices []choice
	var results []Result
	again := c.patiently(ctx, func(request engine.Request) (bool, error) {
		var err error
		choices, err = c.choices(ctx, d, request)
		results = variableResults(d, choices)
		return slices.ContainsFunc(results, Result.Fails), err
	}, d)
	if again != nil {
		return results, again
	}
	jobs, err := c.jobs(ctx, d, choices)
	if err != nil {
		return results, err
	}
	c.progress(0, len(jobs))
	found := make([][]Result, len(jobs))
	c.each(ctx, len(jobs), func(i int) {
		found[i] = c.panel(ctx, d, jobs[i])
		c.progress(1, 0)
	})
	return append(results, slices.Concat(found...)...), nil
}

// each does something for each of n things, a few at a time.
func (c *checker) each(ctx context.Context, n int, do func(int)) {
	var running sync.WaitGroup
	for i := range n {
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		running.Go(func() {
			defer func() { <-c.slots }()
			do(i)
		})
	}
	running.Wait()
}

// patiently tries until nothing is missing, or patience ends.
func (c *checker) patiently(
	ctx context.Context, try func(engine.Request) (missing bool, err error), d *document.Dashboard,
) error {
	for {
		request, err := c.request(d, c.moment())
		if err != nil {
			return err
		}
		missing, err := try(request)
		if err != nil || !missing || time.Now().After(c.until) {
			return err
		}
		if err := wait.Pause(ctx, retry); err != nil {
			return err
		}
	}
}

// moment is what now means: one moment for the whole check, but for one that
// waits for what is about to come. Those close to each other are the same, so
// that memory helps.
func (c *checker) moment() time.Time {
	if c.Patience == 0 {
		return c.now
	}
	return time.Now().Truncate(retry)
}

// rangeError tells that the time range that a dashboard opens on cannot be read.
type rangeError struct {
	file string
	err  error
}

// Error names the file.
func (e *rangeError) Error() string { return fmt.Sprintf("%s: the time range: %v", e.file, e.err) }

// Unwrap returns what is wrong with the range.
func (e *rangeError) Unwrap() error { return e.err }

// request is for the time range that a dashboard opens on.
func (c *checker) request(d *document.Dashboard, now time.Time) (engine.Request, error) {
	from, to := d.Time()
	calendar := engine.CalendarOf(d, time.UTC)
	r, err := engine.ParseRange(from, to, now, calendar)
	if err != nil {
		return engine.Request{}, &rangeError{d.File, err}
	}
	return engine.Request{Range: r, From: from, To: to, Now: now, MaxDataPoints: points, Calendar: calendar}, nil
}

func (c *checker) progress(done, known int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done, c.known = c.done+done, c.known+known
	if c.Progress != nil {
		c.Progress(c.done, c.known)
	}
}

// answered counts queries in a row that Prometheus left unanswered, and ends
// the check when there are too many.
func (c *checker) answered(r Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Why == nil || r.Why.Kind != Unreachable && r.Why.Kind != TimedOut {
		c.unanswered = 0
		return
	}
	if c.unanswered++; c.unanswered >= surrender {
		c.giveUp(fmt.Errorf("%w: %d queries in a row failed, the last one with: %s", ErrGone, c.unanswered, r.Why.Text))
	}
}
