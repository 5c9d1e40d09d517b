package engine

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// ownTime is what Grafana takes for a panel's own time: a number of units, or
// the beginning of one.
var ownTime = regexp.MustCompile(`^now(?:[+-]\d+(?:f[Qy]|[yMwdhmsQ])(?:/.*)?|/(?:[dwMy]|f[Qy]))$`)

// withTimes returns the panel with the variables of its own times filled in.
func withTimes(p document.Panel, scope Scope) document.Panel {
	object := maps.Clone(p.JSON)
	fillTimes(object, scope)
	return document.Panel{JSON: object}
}

func fillTimes(panel document.Object, scope Scope) {
	for _, key := range []string{"timeFrom", "timeShift"} {
		if text := panel.Text(key); text != "" {
			panel[key] = scope.expand(text, formatGlob)
		}
	}
}

// panelRange applies what a panel says of its own time: timeFrom takes the
// place of a range that is relative to now, timeShift moves whatever range
// there is.
func panelRange(p document.Panel, r Request) (Request, error) {
	if text := p.JSON.Text("timeFrom"); text != "" {
		from, to := ownRange(text)
		if !ownTime.MatchString(from) && !ownTime.MatchString(to) {
			return r, fmt.Errorf("the panel's relative time %q is none; write it as 1h, 7d or now/d", text)
		}
		own, err := ParseRange(from, to, r.now(), r.calendar())
		if err != nil {
			return r, fmt.Errorf("the panel's relative time %q: %w", text, err)
		}
		if r.relative() {
			r.Range = own
		}
	}
	if text := p.JSON.Text("timeShift"); text != "" {
		from, err := r.Calendar.parse("now-"+text, r.Range.From, false)
		if err != nil || !ownTime.MatchString("now-"+text) {
			return r, fmt.Errorf("the panel's time shift %q is none; write it as 1h or 7d", text)
		}
		to, err := r.Calendar.parse("now-"+text, r.Range.To, true)
		if err != nil {
			return r, fmt.Errorf("the panel's time shift %q: %w", text, err)
		}
		r.Range = prometheus.TimeRange{From: from, To: to}
	}
	if points := p.JSON.Integer("maxDataPoints"); points > 0 {
		r.MaxDataPoints = points
	}
	return r, nil
}

// calendar is the dashboard's, in the zone of the range.
func (r Request) calendar() Calendar {
	c := r.Calendar
	c.Zone = r.Range.To.Location()
	return c
}

// ownRange is the range up to now that timeFrom names, or, with a plus, the
// one from now on.
func ownRange(text string) (from, to string) {
	switch {
	case strings.Contains(text, "now"):
		return text, "now"
	case strings.HasPrefix(text, "+"):
		return "now", "now" + text
	}
	return "now-" + text, "now"
}
