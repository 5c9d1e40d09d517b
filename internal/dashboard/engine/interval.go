package engine

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/diorama-lab/diorama/internal/prometheus"
)

// maxPoints is how many points Prometheus answers for one series.
const maxPoints = 11_000

// niceSteps are the steps that Grafana rounds to: a duration below the first
// number becomes the second.
var niceSteps = [][2]time.Duration{
	{15 * time.Millisecond, 10 * time.Millisecond}, {35 * time.Millisecond, 20 * time.Millisecond},
	{75 * time.Millisecond, 50 * time.Millisecond}, {150 * time.Millisecond, 100 * time.Millisecond},
	{350 * time.Millisecond, 200 * time.Millisecond}, {750 * time.Millisecond, 500 * time.Millisecond},
	{1500 * time.Millisecond, time.Second}, {3500 * time.Millisecond, 2 * time.Second},
	{7500 * time.Millisecond, 5 * time.Second}, {12500 * time.Millisecond, 10 * time.Second},
	{17500 * time.Millisecond, 15 * time.Second}, {25 * time.Second, 20 * time.Second},
	{45 * time.Second, 30 * time.Second}, {90 * time.Second, time.Minute}, {210 * time.Second, 2 * time.Minute},
	{450 * time.Second, 5 * time.Minute}, {750 * time.Second, 10 * time.Minute}, {1050 * time.Second, 15 * time.Minute},
	{25 * time.Minute, 20 * time.Minute}, {45 * time.Minute, 30 * time.Minute}, {90 * time.Minute, time.Hour},
	{150 * time.Minute, 2 * time.Hour}, {270 * time.Minute, 3 * time.Hour}, {9 * time.Hour, 6 * time.Hour},
	{day, 12 * time.Hour}, {7 * day, day}, {21 * day, 7 * day}, {42 * day, 30 * day},
}

const day = 24 * time.Hour

func roundStep(d time.Duration) time.Duration {
	for _, s := range niceSteps {
		if d < s[0] {
			return s[1]
		}
	}
	return 365 * day
}

// stepFor is the step that shows a range in a number of points.
func stepFor(length time.Duration, points int, least time.Duration) time.Duration {
	if points < 1 {
		points = defaultPoints
	}
	return max(roundStep(length/time.Duration(points)), least)
}

const defaultPoints = 1000

var intervalText = regexp.MustCompile(`^[<>=\s]*(\d+)\s*(ms|[smhdwMy])?$`)

// parseInterval reads a duration as panels and targets have it: 15s, 1m, >30s,
// or a number of seconds. Prometheus' own notation is read too.
func parseInterval(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if parts := intervalText.FindStringSubmatch(text); parts != nil {
		n, err := strconv.ParseInt(parts[1], 10, 64)
		unit := map[string]time.Duration{
			"": time.Second, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
			"d": day, "w": 7 * day, "M": 30 * day, "y": 365 * day,
		}[parts[2]]
		if err != nil || n > int64(100*365*day/unit) {
			return 0, fmt.Errorf("interval %q is too long", text)
		}
		return time.Duration(n) * unit, nil
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no interval; write it as 15s, 1m or 2h", text)
	}
	return time.Duration(d), nil
}

// writeInterval is the inverse, in Prometheus' notation.
func writeInterval(d time.Duration) string { return model.Duration(d).String() }

// timing is how a target's query is spaced.
type timing struct {
	Step time.Duration
	// Rate is $__rate_interval.
	Rate time.Duration
}

// spacing is what the step of a target follows from.
type spacing struct {
	Range     prometheus.TimeRange
	MaxPoints int
	// Scrape is the data source's scrape interval.
	Scrape time.Duration
	// Panel is the panel's min interval, Target the target's (its min step);
	// empty for none.
	Panel, Target string
	// Factor is the target's resolution: 2 asks for every second point.
	Factor int
	// Least is a lower bound on top of all this.
	Least time.Duration
}

// timing computes step and rate interval as Grafana documents them: the step
// is the range by the points, rounded, at least the min interval; the rate
// interval is the larger of step + scrape interval and four scrape intervals,
// where a min step of the target takes the place of the scrape interval.
func (s spacing) timing() (timing, error) {
	scrape := max(s.Scrape, time.Millisecond)
	least := max(scrape, s.Least)
	if s.Panel != "" {
		d, err := parseInterval(s.Panel)
		if err != nil {
			return timing{}, fmt.Errorf("the panel's min interval: %w", err)
		}
		least = max(d, s.Least)
	}
	wanted := s.Target
	rated := strings.Contains(wanted, "__rate_interval")
	if strings.ContainsAny(wanted, "$[") {
		wanted = "" // a variable interval is the calculated one
	}
	if wanted != "" {
		d, err := parseInterval(wanted)
		if err != nil {
			return timing{}, fmt.Errorf("the target's min step: %w", err)
		}
		if d > 0 {
			least, scrape = d, d
		}
	}
	safe := roundStep(s.Range.Duration() / maxPoints)
	step := max(stepFor(s.Range.Duration(), s.MaxPoints, least), safe)
	if rated {
		step = max(step+scrape, 4*scrape)
	} else {
		step *= time.Duration(max(s.Factor, 1))
	}
	return timing{Step: step, Rate: max(step+scrape, 4*scrape)}, nil
}

// values are the variables that name the spacing.
func (t timing) values() map[string]Value {
	return map[string]Value{
		"__interval":         single(writeInterval(t.Step)),
		"__interval_ms":      single(strconv.FormatInt(t.Step.Milliseconds(), 10)),
		"__rate_interval":    single(writeInterval(t.Rate)),
		"__rate_interval_ms": single(strconv.FormatInt(t.Rate.Milliseconds(), 10)),
	}
}

// align rounds a time down to a multiple of the step, so that a refreshed
// panel shows the same points.
func align(t time.Time, step time.Duration) time.Time {
	ms := max(step.Milliseconds(), 1)
	return time.UnixMilli(t.UnixMilli() / ms * ms)
}

func aligned(r prometheus.TimeRange, step time.Duration) prometheus.TimeRange {
	return prometheus.TimeRange{From: align(r.From, step), To: align(r.To, step)}
}
