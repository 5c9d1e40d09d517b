package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// asked is a query as Grafana's query API takes it.
type asked struct {
	RefID          string `json:"refId"`
	Datasource     struct{ UID string }
	Expr           string
	Instant, Range bool
	// Interval is the target's min step.
	Interval       string
	IntervalFactor int64
	IntervalMS     int64 `json:"intervalMs"`
	MaxDataPoints  int64
}

// query answers Grafana's query API: of a Prometheus, and with the first frame
// telling what was executed.
func (g *grafana) query(w http.ResponseWriter, r *http.Request) {
	var body struct {
		From, To string
		Queries  []asked
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "bad request data")
		return
	}
	from, err := moment(body.From)
	to, err2 := moment(body.To)
	if err != nil || err2 != nil || len(body.Queries) == 0 {
		refuse(w, http.StatusBadRequest, "bad request data")
		return
	}
	results, status := map[string]any{}, http.StatusOK
	for _, q := range body.Queries {
		s, known := g.sourceOf(q.Datasource.UID)
		if !known {
			refuse(w, http.StatusNotFound, "Data source not found")
			return
		}
		frames, err := q.execute(r.Context(), s, from, to)
		if err != nil {
			status = http.StatusBadRequest
			results[q.RefID] = map[string]any{"status": status, "error": err.Error(), "frames": []any{}}
			continue
		}
		results[q.RefID] = map[string]any{"status": http.StatusOK, "frames": frames}
	}
	respond(w, status, map[string]any{"results": results})
}

// moment reads a time as Grafana's page sends it: milliseconds, now, now-1h.
func moment(said string) (time.Time, error) {
	if ms, err := strconv.ParseInt(said, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	if said == "now" {
		return time.Now(), nil
	}
	ago, err := model.ParseDuration(strings.TrimPrefix(said, "now-"))
	return time.Now().Add(-time.Duration(ago)), err
}

// spacing is the step and $__rate_interval of a query. scrape is the data
// source's interval.
func (q asked) spacing(length, scrape time.Duration) (step, rate time.Duration, err error) {
	// What a request without them has.
	points, interval := q.MaxDataPoints, time.Duration(q.IntervalMS)*time.Millisecond
	if points == 0 {
		points = 100
	}
	if interval == 0 {
		interval = time.Second
	}
	least := time.Duration(q.IntervalMS) * time.Millisecond
	if least == 0 {
		least = scrape
	}
	if q.Interval != "" && !strings.Contains(q.Interval, "$") {
		wanted, err := model.ParseDuration(q.Interval)
		if err != nil {
			return 0, 0, err
		}
		least, scrape = time.Duration(wanted), time.Duration(wanted)
	}
	if step = length / time.Duration(points); step < least {
		step = least
	} else {
		step = round(step)
	}
	step = max(step, round(length/11000)) * time.Duration(max(1, q.IntervalFactor))
	return step, max(interval+scrape, 4*scrape), nil
}

// round makes a step one of those that Grafana rounds to.
func round(step time.Duration) time.Duration {
	for _, nice := range []struct{ below, is time.Duration }{
		{1500 * time.Millisecond, time.Second}, {3500 * time.Millisecond, 2 * time.Second},
		{7500 * time.Millisecond, 5 * time.Second}, {12500 * time.Millisecond, 10 * time.Second},
		{17500 * time.Millisecond, 15 * time.Second}, {25 * time.Second, 20 * time.Second},
		{45 * time.Second, 30 * time.Second}, {90 * time.Second, time.Minute}, {210 * time.Second, 2 * time.Minute},
		{450 * time.Second, 5 * time.Minute}, {750 * time.Second, 10 * time.Minute},
	} {
		if step < nice.below {
			return nice.is
		}
	}
	return time.Hour
}

// execute fills in the interval variables and asks Prometheus.
func (q asked) execute(ctx context.Context, s source, from, to time.Time) ([]any, error) {
	scrape := 15 * time.Second
	if said := text(s.JSONData["timeInterval"]); said != "" {
		d, err := model.ParseDuration(said)
		if err != nil {
			return nil, fmt.Errorf("the interval of the data source: %w", err)
		}
		scrape = time.Duration(d)
	}
	step, rate, err := q.spacing(to.Sub(from), scrape)
	if err != nil {
		return nil, err
	}
	expr := strings.NewReplacer(
		"$__interval_ms", strconv.FormatInt(step.Milliseconds(), 10),
		"$__rate_interval_ms", strconv.FormatInt(rate.Milliseconds(), 10),
		"$__interval", model.Duration(step).String(), "$__rate_interval", rate.String(),
		"$__range", fmt.Sprintf("%.0fs", to.Sub(from).Seconds()),
	).Replace(q.Expr)
	form, path := url.Values{"query": {expr}}, "/api/v1/query_range"
	if q.Instant && !q.Range {
		path = "/api/v1/query"
		form.Set("time", seconds(to))
	} else {
		form.Set("start", seconds(from.Truncate(step)))
		form.Set("end", seconds(to.Truncate(step)))
		form.Set("step", strconv.FormatFloat(step.Seconds(), 'f', -1, 64))
	}
	answer, err := post(ctx, s.URL+path, form)
	if err != nil {
		return nil, err
	}
	return answer.frames(q.RefID, fmt.Sprintf("Expr: %s\nStep: %s", expr, step)), nil
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

// answer is what Prometheus says.
type answer struct {
	Status, Error string
	Data          struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
			Values [][2]any
		}
	}
}

func post(ctx context.Context, address string, form url.Values) (answer, error) {
	var a answer
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("reading what Prometheus says: %w", err)
	}
	if a.Status != "success" {
		return a, fmt.Errorf("bad_data: %s", a.Error)
	}
	return a, nil
}

// number is a value as JSON can have it: NaN and infinities are not shown.
func number(said string) any {
	n, err := strconv.ParseFloat(said, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return nil
	}
	return n
}

// frames are the series as data frames; there is one without fields when there
// are none.
func (a answer) frames(refID, executed string) []any {
	frames := []any{}
	meta := map[string]any{"executedQueryString": executed, "typeVersion": []int{0, 1}}
	for _, series := range a.Data.Result {
		if series.Values == nil {
			series.Values = [][2]any{series.Value}
		}
		times, values := []any{}, []any{}
		for _, point := range series.Values {
			at, _ := point[0].(float64)
			times, values = append(times, int64(at*1000)), append(values, number(text(point[1])))
		}
		frames = append(frames, map[string]any{
			"schema": map[string]any{"refId": refID, "meta": meta, "fields": []any{
				map[string]any{"name": "Time", "type": "time"},
				map[string]any{"name": "Value", "type": "number", "labels": series.Metric},
			}},
			"data": map[string]any{"values": []any{times, values}},
		})
		meta = map[string]any{"typeVersion": []int{0, 1}}
	}
	if len(frames) == 0 {
		frames = append(frames, map[string]any{
			"schema": map[string]any{"refId": refID, "meta": meta, "fields": []any{}},
			"data":   map[string]any{"values": []any{}},
		})
	}
	return frames
}
