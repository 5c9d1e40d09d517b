package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// Result is what the targets of a panel returned.
type Result struct {
	Results map[string]TargetResult `json:"results"`
	Queries []SentQuery             `json:"queries"`
	Empty   []Empty                 `json:"empty,omitempty"`
}

// TargetResult is what one target returned.
type TargetResult struct {
	// Status is an HTTP status: 200, 400 (the query is at fault), 501 (it
	// cannot run here), 502 and 504 (Prometheus is at fault).
	Status int         `json:"status"`
	Frames data.Frames `json:"frames"`
	Error  string      `json:"error,omitempty"`
}

// NotRunnableError tells that a target cannot be run here.
type NotRunnableError struct{ Reason string }

func (e *NotRunnableError) Error() string { return e.Reason }

// concurrency bounds the queries that a panel has under way.
const concurrency = 4

// runs tells whether a data source is the one that there is. Its type may be
// that of a variable.
func runs(ref document.Ref, scope Scope) bool {
	ref.Type = scope.expand(ref.Type, formatGlob)
	return ref.Prometheus()
}

// Run runs the targets of a panel side by side.
func (e *Engine) Run(ctx context.Context, d *document.Dashboard, p document.Panel, r Request) (Result, error) {
	runs, err := e.targets(ctx, d, p, r)
	if err != nil {
		return Result{}, err
	}
	return runAll(ctx, runs), nil
}

// RunEach runs the targets of a panel one after the other and hands each
// outcome over: no more than one result is held.
func (e *Engine) RunEach(
	ctx context.Context, d *document.Dashboard, p document.Panel, r Request, visit func(Outcome),
) error {
	runs, err := e.targets(ctx, d, p, r)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		visit(run.outcome(ctx))
	}
	return nil
}

// targets are the targets of a panel, ready to be run.
func (e *Engine) targets(
	ctx context.Context, d *document.Dashboard, p document.Panel, r Request,
) ([]*targetRun, error) {
	variables, scope, err := e.resolveFor(ctx, d, r, p.Sources())
	if err != nil {
		return nil, fmt.Errorf("reading the panel: %w", err)
	}
	shared, err := panelRange(withTimes(p, scope), r)
	if err != nil {
		return nil, err
	}
	return e.prepare(p, shared, scope.with(timeValues(shared.Range)), filtersOf(variables)), nil
}

// Query runs targets that belong to no dashboard, as Grafana's query API takes
// them: only the calculated variables are filled in, and the frames are those
// of the data source's server, before its own transformation in the browser.
// Each target has its own maxDataPoints and intervalMs.
func (e *Engine) Query(ctx context.Context, targets []document.Object, r Request) Result {
	scope := Scope{e.builtIn(&document.Dashboard{}, r)}
	var runs []*targetRun
	for _, object := range targets {
		own := r
		own.MaxDataPoints = object.Integer("maxDataPoints")
		own.Interval = time.Duration(object.Number("intervalMs") * float64(time.Millisecond))
		runs = append(runs, &targetRun{
			engine: e, target: document.NewTarget(object, document.Ref{}), request: own, scope: scope, raw: true,
		})
	}
	return runAll(ctx, runs)
}

func (e *Engine) prepare(p document.Panel, r Request, scope Scope, filters []filter) []*targetRun {
	var runs []*targetRun
	tables := 0
	for _, t := range p.Asked() {
		if t.JSON.Text("format") == formatTable {
			tables++
		}
		runs = append(runs, &targetRun{engine: e, panel: p, target: t, request: r, scope: scope, filters: filters})
	}
	for _, run := range runs {
		run.several = tables > 1
	}
	return runs
}

// runAll runs targets side by side.
func runAll(ctx context.Context, runs []*targetRun) Result {
	outcomes := make([]Outcome, len(runs))
	var running sync.WaitGroup
	slots := make(chan struct{}, concurrency)
	for i, run := range runs {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			outcomes[i] = run.outcome(ctx)
		})
	}
	running.Wait()
	all := Result{Results: map[string]TargetResult{}, Queries: []SentQuery{}}
	for _, o := range outcomes {
		all.Results[o.RefID] = o.Result
		all.Queries = append(all.Queries, o.Queries...)
		if o.Empty != nil {
			all.Empty = append(all.Empty, Empty{o.RefID, *o.Empty})
		}
	}
	return all
}

func targetResult(frames data.Frames, err error) TargetResult {
	if frames == nil {
		frames = data.Frames{}
	}
	result := TargetResult{Status: http.StatusOK, Frames: frames}
	if err == nil {
		return result
	}
	result.Error = err.Error()
	var refused *prometheus.QueryError
	var notRunnable *NotRunnableError
	switch {
	case errors.As(err, &notRunnable):
		result.Status = http.StatusNotImplemented
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &refused) && refused.Kind == "timeout":
		result.Status = http.StatusGatewayTimeout
		result.Error = "the query took too long: " + result.Error
	case errors.As(err, &refused) && refused.Status < 500:
		result.Status = http.StatusBadRequest
	case errors.As(err, &refused):
		result.Status = http.StatusBadRequest
		if refused.Kind == "internal" || refused.Kind == "unavailable" {
			result.Status = http.StatusBadGateway
		}
	default:
		result.Status = http.StatusBadGateway
	}
	return result
}

// targetRun is one target on its way.
type targetRun struct {
	engine  *Engine
	panel   document.Panel
	target  document.Target
	request Request
	scope   Scope
	filters []filter
	several bool
	// raw leaves out what the data source does to frames in the browser.
	raw  bool
	sent []SentQuery
	// hasValues tells that some answer had a value that can be shown.
	hasValues bool
}

func (t *targetRun) run(ctx context.Context) (data.Frames, error) {
	if err := t.runnable(); err != nil {
		return nil, err
	}
	spaced := spacing{
		Range: t.request.Range, MaxPoints: t.request.MaxDataPoints, Scrape: t.engine.ScrapeInterval,
		Panel: t.scope.expand(t.panel.JSON.Text("interval"), formatGlob), Target: t.stepText(),
		Factor: t.target.JSON.Integer("intervalFactor"), Least: t.request.Interval,
	}
	times, err := spaced.timing()
	if err != nil {
		return nil, &prometheus.QueryError{Status: http.StatusBadRequest, Message: err.Error()}
	}
	scope := t.scope.with(times.values())
	expr := t.engine.withFilters(scope.expand(t.target.JSON.Text("expr"), formatPromQL), t.filters)
	if strings.TrimSpace(expr) == "" {
		return nil, &NotRunnableError{Reason: "the target has no query"}
	}
	s := shape{
		RefID: t.target.RefID(), Expr: expr, Format: t.target.JSON.Text("format"), Step: times.Step,
		Legend: scope.expand(t.target.JSON.Text("legendFormat"), formatGlob),
	}
	answers, err := t.ask(ctx, s)
	if err != nil {
		return nil, err
	}
	frames := t.frames(s, answers)
	annotate(frames, s, answers)
	return frames, nil
}

func (t *targetRun) runnable() error {
	ref := t.target.Datasource
	switch {
	case ref.Expression():
		return &NotRunnableError{
			Reason: fmt.Sprintf("the expression %q runs in Grafana's server, and is not run here", t.target.JSON.Text("type")),
		}
	case !runs(ref, t.scope):
		return &NotRunnableError{Reason: fmt.Sprintf("data source %s is not run here; only Prometheus is", ref)}
	}
	return nil
}

// stepText is the target's min step. A variable that people choose is filled
// in; the calculated ones mean the calculated step.
func (t *targetRun) stepText() string {
	text := t.target.JSON.Text("interval")
	if strings.Contains(text, "__interval") || strings.Contains(text, "__rate_interval") {
		return text
	}
	return t.scope.expand(text, formatGlob)
}

// ask sends the range query, the instant query, or both.
func (t *targetRun) ask(ctx context.Context, s shape) ([]prometheus.Answer, error) {
	instant := t.target.JSON.Flag("instant")
	var answers []prometheus.Answer
	if !instant || t.target.JSON.Flag("range") {
		r := aligned(t.request.Range, s.Step)
		answer, err := t.timed(s, "range", func() (prometheus.Answer, error) {
			return t.engine.Prometheus.QueryRange(ctx, s.Expr, r, s.Step)
		})
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	if instant {
		answer, err := t.timed(s, "instant", func() (prometheus.Answer, error) {
			return t.engine.Prometheus.Query(ctx, s.Expr, t.request.Range.To)
		})
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

func (t *targetRun) timed(s shape, kind string, query func() (prometheus.Answer, error)) (prometheus.Answer, error) {
	began := time.Now()
	answer, err := query()
	sent := SentQuery{
		RefID: s.RefID, Expr: s.Expr, Type: kind, Took: took(began),
		Series: len(answer.Series), Points: answer.CountPoints(),
	}
	if kind == "range" {
		sent.Step, sent.step = writeInterval(s.Step), s.Step
	}
	t.hasValues = t.hasValues || answer.HasValues()
	t.sent = append(t.sent, sent)
	return answer, err
}

// took is how long something took, for people.
func took(began time.Time) string { return time.Since(began).Round(10 * time.Microsecond).String() }

func (t *targetRun) frames(s shape, answers []prometheus.Answer) data.Frames {
	if s.Format == formatTable && !t.raw {
		for _, answer := range answers {
			if len(answer.Series) > 0 && answer.Type != "string" {
				return data.Frames{tableFrame(s, answers, t.several)}
			}
		}
	}
	var frames data.Frames
	for _, answer := range answers {
		own := s
		if answer.Type != "matrix" {
			own.Step = 0
		}
		if s.Format == formatHeatmap && answer.Type == "matrix" && !t.raw {
			frames = append(frames, heatmapFrames(own, answer)...)
			continue
		}
		frames = append(frames, seriesFrames(own, answer)...)
	}
	return frames
}
