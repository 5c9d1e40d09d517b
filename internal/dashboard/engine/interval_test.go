package engine

import (
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// The step and $__rate_interval, with a scrape interval of 15 s. The figures
// follow from Grafana's documentation of query options and of $__rate_interval
// (max of $__interval + scrape interval and four scrape intervals, where a min
// step takes the place of the scrape interval), and from the steps it rounds to.
func TestTiming(t *testing.T) {
	for _, c := range []struct {
		length             time.Duration
		points             int
		panel, target      string
		factor             int
		least              time.Duration
		wantStep, wantRate string
	}{
		{length: time.Hour, points: 800, wantStep: "15s", wantRate: "1m"},
		{length: time.Hour, points: 100, wantStep: "30s", wantRate: "1m"},
		{length: 6 * time.Hour, points: 100, wantStep: "5m", wantRate: "5m15s"},
		{length: 24 * time.Hour, points: 1000, wantStep: "1m", wantRate: "1m15s"},
		{length: time.Hour, points: 0, wantStep: "15s", wantRate: "1m"},
		{length: time.Hour, points: 800, panel: "1m", wantStep: "1m", wantRate: "1m15s"},
		{length: time.Hour, points: 800, panel: ">2m", wantStep: "2m", wantRate: "2m15s"},
		{length: time.Hour, points: 800, panel: "5s", wantStep: "5s", wantRate: "1m"},
		{length: time.Hour, points: 800, target: "2m", wantStep: "2m", wantRate: "8m"},
		{length: time.Hour, points: 800, target: "5s", wantStep: "5s", wantRate: "20s"},
		{length: time.Hour, points: 800, target: "30", wantStep: "30s", wantRate: "2m"},
		{length: time.Hour, points: 800, target: "$__interval", wantStep: "15s", wantRate: "1m"},
		{length: time.Hour, points: 800, target: "$__rate_interval", wantStep: "1m", wantRate: "1m15s"},
		{length: time.Hour, points: 800, factor: 4, wantStep: "1m", wantRate: "1m15s"},
		{length: time.Hour, points: 800, least: 20 * time.Second, wantStep: "20s", wantRate: "1m"},
		// Prometheus answers at most 11,000 points.
		{length: 30 * 24 * time.Hour, points: 11_000, panel: "1s", wantStep: "5m", wantRate: "5m15s"},
	} {
		s := spacing{
			Range:     prometheus.TimeRange{From: begin, To: begin.Add(c.length)},
			MaxPoints: c.points, Scrape: 15 * time.Second,
			Panel: c.panel, Target: c.target, Factor: c.factor, Least: c.least,
		}
		got, err := s.timing()
		step, rate := writeInterval(got.Step), writeInterval(got.Rate)
		if err != nil || step != c.wantStep || rate != c.wantRate {
			t.Errorf("%+v: step %s, rate %s, want %s and %s; error %v", c, step, rate, c.wantStep, c.wantRate, err)
		}
		if points := c.length / got.Step; points > maxPoints {
			t.Errorf("%+v: %d points", c, points)
		}
	}
	if _, err := (spacing{Range: shown, Target: "soon"}).timing(); err == nil {
		t.Error("a min step that is none is taken")
	}
}

func TestParseInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"100ms": 100 * time.Millisecond, "15s": 15 * time.Second, "1m": time.Minute, "2h": 2 * time.Hour,
		"1d": day, "1w": 7 * day, "1M": 30 * day, "1y": 365 * day,
		">30s": 30 * time.Second, " 10 ": 10 * time.Second, "1h30m": 90 * time.Minute,
	} {
		if got, err := parseInterval(text); err != nil || got != want {
			t.Errorf("%q: %s, want %s; %v", text, got, want, err)
		}
	}
	for _, text := range []string{"", "soon", "-1s", "999999999999999999999s", "9999999999y"} {
		if got, err := parseInterval(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

// A panel's own settings win over what the page asks for.
func TestPanelTime(t *testing.T) {
	e := newEngine(t, constant("up", nil))
	at := prometheus.TimeRange{From: begin, To: begin.Add(6 * time.Hour)}
	for panel, want := range map[string]string{
		`"x":1`:                            "up[21600s] step 2m",
		`"maxDataPoints":10`:               "up[21600s] step 30m",
		`"interval":"10m"`:                 "up[21600s] step 10m",
		`"interval":"$step"`:               "up[21600s] step 5m",
		`"timeFrom":"1h"`:                  "up[3600s] step 20s",
		`"timeFrom":"now-1h"`:              "up[3600s] step 20s",
		`"timeFrom":"1h","timeShift":"1h"`: "up[3600s] step 20s",
	} {
		d := parse(t, `{"uid":"p","title":"P","templating":{"list":[{"name":"step","type":"interval","query":"5m"}]},
			"panels":[{"id":1,"type":"timeseries",`+panel+`,"targets":[{"refId":"A","expr":"up[${__range_s}s]"}]}]}`)
		sent := run(t, e, d, Request{Range: at, MaxDataPoints: 200}).Queries[0]
		if got := sent.Expr + " step " + sent.Step; got != want {
			t.Errorf("%s: %s, want %s", panel, got, want)
		}
	}
	shifted, err := panelRange(document.Panel{JSON: document.Object{"timeShift": "1d"}}, Request{Range: at})
	if err != nil || !shifted.Range.From.Equal(at.From.Add(-day)) || !shifted.Range.To.Equal(at.To.Add(-day)) {
		t.Errorf("shifted by a day: %v, %v", shifted.Range, err)
	}
	d := parse(t, `{"uid":"p","title":"P","panels":[{"id":1,"type":"timeseries","timeFrom":"soon"}]}`)
	if _, err := e.Run(t.Context(), d, d.Panels()[0], Request{Range: at}); err == nil {
		t.Error("a relative time that is none is taken")
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 25, 14, 33, 12, 500_000_000, time.UTC) // a Wednesday
	berlin, err := ParseZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to, wantFrom, wantTo string
		zone                       *time.Location
	}{
		{"", "", "2026-11-25T13:33:12.5Z", "2026-11-25T14:33:12.5Z", time.UTC},
		{"now-5m", "now", "2026-11-25T14:28:12.5Z", "2026-11-25T14:33:12.5Z", time.UTC},
		{"now/d", "now/d", "2026-11-25T00:00:00Z", "2026-11-25T23:59:59.999Z", time.UTC},
		{"now-1d/d", "now-1d/d", "2026-11-24T00:00:00Z", "2026-11-24T23:59:59.999Z", time.UTC},
		{"now/fy", "now", "2026-01-01T00:00:00Z", "2026-11-25T14:33:12.5Z", time.UTC},
		{"now/w", "now/M", "2026-11-22T00:00:00Z", "2026-11-30T23:59:59.999Z", time.UTC},
		{"now-1Q/Q", "now/y", "2026-07-01T00:00:00Z", "2026-12-31T23:59:59.999Z", time.UTC},
		{"now-1M", "now+1h", "2026-10-25T14:33:12.5Z", "2026-11-25T15:33:12.5Z", time.UTC},
		{"1764000000000", "1764003600000", "2025-11-24T16:00:00Z", "2025-11-24T17:00:00Z", time.UTC},
		{"2026-11-25T10:00:00Z", "2026-11-25 11:00:00", "2026-11-25T10:00:00Z", "2026-11-25T11:00:00Z", time.UTC},
		{"now/d", "now", "2026-11-24T23:00:00Z", "2026-11-25T14:33:12.5Z", berlin},
		{"2026-11-25", "now", "2026-11-24T23:00:00Z", "2026-11-25T14:33:12.5Z", berlin},
	} {
		r, err := ParseRange(c.from, c.to, now, Calendar{Zone: c.zone})
		from, to := r.From.UTC().Format(time.RFC3339Nano), r.To.UTC().Format(time.RFC3339Nano)
		if err != nil || from != c.wantFrom || to != c.wantTo {
			t.Errorf("%s to %s: %s to %s, want %s to %s; %v", c.from, c.to, from, to, c.wantFrom, c.wantTo, err)
		}
		if r.From.Location() != c.zone || r.To.Location() != c.zone {
			t.Errorf("%s to %s: in %s and %s, want %s", c.from, c.to, r.From.Location(), r.To.Location(), c.zone)
		}
	}
	for _, c := range [][2]string{
		{"now", "now-1h"}, {"now", "now"}, {"yesterday", "now"}, {"1e300", "now"},
		{"now-1x", "now"}, {"now-1f", "now"}, {"now-99999999999999999999h", "now"},
	} {
		if r, err := ParseRange(c[0], c[1], now, Calendar{}); err == nil {
			t.Errorf("%s to %s is read as %v", c[0], c[1], r)
		}
	}
	if _, err := ParseZone("Middle/Earth"); err == nil {
		t.Error("a zone that there is not is taken")
	}
}
