package engine

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones that browsers name are known where the system knows none

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// Calendar says where days, weeks and fiscal years begin.
type Calendar struct {
	// Zone is where days begin, and in which both ends of a range are; nil is UTC.
	Zone *time.Location
	// WeekStart is the first day of a week: Sunday where a dashboard does not say.
	WeekStart time.Weekday
	// FiscalYear is the month that a fiscal year begins with, counted from 0.
	FiscalYear int
}

// CalendarOf is what a dashboard says, in a zone.
func CalendarOf(d *document.Dashboard, zone *time.Location) Calendar {
	c := Calendar{Zone: zone, FiscalYear: min(max(d.JSON.Integer("fiscalYearStartMonth"), 0), 11)}
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(d.JSON.Text("weekStart"), day.String()) {
			c.WeekStart = day
		}
	}
	return c
}

// ParseRange reads the two ends of a range as Grafana writes them. Empty ends
// are the last hour.
func ParseRange(from, to string, now time.Time, calendar Calendar) (prometheus.TimeRange, error) {
	zone := calendar.Zone
	if zone == nil {
		zone = time.UTC
	}
	if from == "" {
		from = "now-1h"
	}
	if to == "" {
		to = "now"
	}
	var r prometheus.TimeRange
	var err error
	if r.From, err = calendar.parse(from, now.In(zone), false); err != nil {
		return r, fmt.Errorf("from: %w", err)
	}
	if r.To, err = calendar.parse(to, now.In(zone), true); err != nil {
		return r, fmt.Errorf("to: %w", err)
	}
	r = prometheus.TimeRange{From: r.From.In(zone), To: r.To.In(zone)}
	if !r.From.Before(r.To) {
		return r, fmt.Errorf("the time range ends before it begins: from %s to %s", from, to)
	}
	return r, nil
}

// ParseZone reads a dashboard's time zone. The browser's, and the default, which
// is the browser's too, are UTC where there is no browser.
func ParseZone(name string) (*time.Location, error) {
	if name == "" || name == "browser" || name == "default" || name == "utc" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %q: use utc, or one such as Europe/Lisbon", name)
	}
	return zone, nil
}

var relativeStep = regexp.MustCompile(`^(?:([+-])(\d*)|/)(f?)(ms|[smhdwMQy])`)

// parse reads Unix milliseconds, RFC 3339, a date, or now with offsets
// and roundings: now-1d/d. up rounds to the end of a unit.
func (c Calendar) parse(text string, now time.Time, up bool) (time.Time, error) {
	rest, relative := strings.CutPrefix(text, "now")
	if !relative {
		return parseAbsolute(text, now.Location())
	}
	at := now
	for rest != "" {
		parts := relativeStep.FindStringSubmatch(rest)
		if parts == nil {
			return at, fmt.Errorf("%q is no time; use now-1h, now/d, Unix milliseconds or RFC 3339", text)
		}
		rest = rest[len(parts[0]):]
		if parts[1] == "" {
			at = c.round(at, parts[3]+parts[4], up)
			continue
		}
		n := 1
		if parts[2] != "" {
			var err error
			if n, err = strconv.Atoi(parts[2]); err != nil || n > 1_000_000 {
				return at, fmt.Errorf("%q: the number is too large", text)
			}
		}
		if parts[1] == "-" {
			n = -n
		}
		at = addUnits(at, n, parts[4])
	}
	return at, nil
}

func parseAbsolute(text string, zone *time.Location) (time.Time, error) {
	if ms, err := strconv.ParseFloat(text, 64); err == nil && ms > -1e15 && ms < 1e15 {
		return time.UnixMilli(int64(ms)), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, zone); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; use now-1h, now/d, Unix milliseconds or RFC 3339", text)
}

func addUnits(t time.Time, n int, unit string) time.Time {
	switch unit {
	case "y":
		return addMonths(t, 12*n)
	case "Q":
		return addMonths(t, 3*n)
	case "M":
		return addMonths(t, n)
	case "w":
		return t.AddDate(0, 0, 7*n)
	case "d":
		return t.AddDate(0, 0, n)
	}
	lengths := map[string]time.Duration{"h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond}
	return t.Add(time.Duration(n) * lengths[unit])
}

// addMonths stays within the month that it comes to: a month before the 31st
// of March is the last day of February.
func addMonths(t time.Time, n int) time.Time {
	moved := t.AddDate(0, n, 0)
	if moved.Day() != t.Day() {
		return moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// round goes to the begin of a unit, or to its last millisecond. Units of a
// fiscal year have an f.
func (c Calendar) round(t time.Time, unit string, up bool) time.Time {
	year, month, day := t.Date()
	zone := t.Location()
	begin := t
	fiscal := time.Month((int(month) - 1 - c.FiscalYear + 12) % 12) // months since its beginning
	switch unit {
	case "fy":
		begin = time.Date(year, month-fiscal, 1, 0, 0, 0, 0, zone)
	case "fQ":
		begin = time.Date(year, month-fiscal%3, 1, 0, 0, 0, 0, zone)
	case "y":
		begin = time.Date(year, 1, 1, 0, 0, 0, 0, zone)
	case "Q":
		begin = time.Date(year, month-(month-1)%3, 1, 0, 0, 0, 0, zone)
	case "M":
		begin = time.Date(year, month, 1, 0, 0, 0, 0, zone)
	case "w":
		begin = time.Date(year, month, day-int(t.Weekday()-c.WeekStart+7)%7, 0, 0, 0, 0, zone)
	case "d":
		begin = time.Date(year, month, day, 0, 0, 0, 0, zone)
	case "h":
		begin = time.Date(year, month, day, t.Hour(), 0, 0, 0, zone)
	case "m":
		begin = time.Date(year, month, day, t.Hour(), t.Minute(), 0, 0, zone)
	case "s":
		begin = t.Truncate(time.Second)
	}
	if !up {
		return begin
	}
	return addUnits(begin, 1, strings.TrimPrefix(unit, "f")).Add(-time.Millisecond)
}

// timeValues are the variables that name the range.
func timeValues(r prometheus.TimeRange) map[string]Value {
	ms := func(t time.Time) Value {
		text := t.Format("2006-01-02 15:04:05")
		return Value{Texts: []string{text}, Values: []string{strconv.FormatInt(t.UnixMilli(), 10)}, Zone: t.Location()}
	}
	length := r.Duration()
	seconds := int64(length.Round(time.Second) / time.Second)
	return map[string]Value{
		"__from":     ms(r.From),
		"__to":       ms(r.To),
		"__range":    single(strconv.FormatInt(seconds, 10) + "s"),
		"__range_s":  single(strconv.FormatInt(seconds, 10)),
		"__range_ms": single(strconv.FormatInt(length.Milliseconds(), 10)),
	}
}
