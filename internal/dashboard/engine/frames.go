package engine

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/diorama-lab/diorama/internal/prometheus"
)

const (
	formatTable   = "table"
	formatHeatmap = "heatmap"
	legendAuto    = "__auto"
)

// shape is what a target's answer is made into frames by.
type shape struct {
	RefID, Expr, Legend, Format string
	Step                        time.Duration
}

var legendReference = regexp.MustCompile(`\{\{\s*(.+?)\s*\}\}`)

// legendOf names a series as Grafana's Prometheus data source does: by the
// legend format, else by its labels; a series without labels by its query.
// The empty name leaves the choice to the panel.
func legendOf(s shape, labels map[string]string) string {
	var legend string
	switch {
	case s.Legend == legendAuto && len(labels) > 0:
		return ""
	case s.Legend == "" || s.Legend == legendAuto:
		legend = metricText(labels)
	default:
		legend = fillLabels(s.Legend, labels)
	}
	if legend == "{}" {
		return s.Expr
	}
	return legend
}

// fillLabels writes the values of labels where a text names them, as {{pod}}.
func fillLabels(text string, labels map[string]string) string {
	return legendReference.ReplaceAllStringFunc(text, func(match string) string {
		return labels[legendReference.FindStringSubmatch(match)[1]]
	})
}

// metricText writes a label set in PromQL's notation.
func metricText(labels map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "__name__" {
			pairs = append(pairs, name+"="+strconv.Quote(labels[name]))
		}
	}
	if name := labels["__name__"]; name != "" && len(pairs) == 0 {
		return name
	}
	return labels["__name__"] + "{" + strings.Join(pairs, ", ") + "}"
}

// seriesFrames are the frames of a time series answer: one for each series.
func seriesFrames(s shape, answer prometheus.Answer) data.Frames {
	frames := make(data.Frames, 0, len(answer.Series))
	for _, series := range answer.Series {
		times := make([]time.Time, len(series.Points))
		for i, p := range series.Points {
			times[i] = time.UnixMilli(p.T).UTC()
		}
		timeField := data.NewField(data.TimeSeriesTimeFieldName, nil, times)
		if s.Step > 0 {
			timeField.Config = &data.FieldConfig{Interval: float64(s.Step.Milliseconds())}
		}
		frames = append(frames, newFrame(s, answer, series.Labels, timeField, valueField(answer, series)))
	}
	return frames
}

func valueField(answer prometheus.Answer, series prometheus.Series) *data.Field {
	if answer.Type == "string" {
		return data.NewField(data.TimeSeriesValueFieldName, nil, []string{answer.Text})
	}
	values := make([]float64, len(series.Points))
	for i, p := range series.Points {
		values[i] = p.V
	}
	return data.NewField(data.TimeSeriesValueFieldName, series.Labels, values)
}

func newFrame(s shape, answer prometheus.Answer, labels map[string]string, fields ...*data.Field) *data.Frame {
	legend := legendOf(s, labels)
	if legend != "" {
		fields[len(fields)-1].Config = &data.FieldConfig{DisplayNameFromDS: legend}
	}
	frame := data.NewFrame(legend, fields...)
	frame.RefID = s.RefID
	kind := data.FrameTypeTimeSeriesMulti
	if answer.Type == "vector" || answer.Type == "scalar" {
		kind = data.FrameTypeNumericMulti
	}
	frame.Meta = &data.FrameMeta{
		Type: kind, TypeVersion: data.FrameTypeVersion{0, 1}, Custom: map[string]string{"resultType": answer.Type},
	}
	return frame
}

// tableFrame is the one frame of a table: time, a column for each label, the
// value. several tells that the panel has more tables, so that the value
// carries the name of its target.
func tableFrame(s shape, answers []prometheus.Answer, several bool) *data.Frame {
	names := labelColumns(answers)
	var times []time.Time
	var values []float64
	columns := make([][]string, len(names))
	for _, answer := range answers {
		for _, series := range answer.Series {
			for _, p := range series.Points {
				times = append(times, time.UnixMilli(p.T).UTC())
				values = append(values, p.V)
				for i, name := range names {
					columns[i] = append(columns[i], series.Labels[name])
				}
			}
		}
	}
	fields := []*data.Field{data.NewField("Time", nil, times)}
	filterable := true
	for i, name := range names {
		field := data.NewField(name, nil, columns[i])
		if name == "le" { // the one label that is a number
			field = data.NewField(name, nil, numbers(columns[i]))
		}
		fields = append(fields, field.SetConfig(&data.FieldConfig{Filterable: &filterable}))
	}
	value := "Value"
	if several {
		value += " #" + s.RefID
	}
	frame := data.NewFrame("", append(fields, data.NewField(value, nil, values))...)
	frame.RefID = s.RefID
	frame.Meta = &data.FrameMeta{
		PreferredVisualization: data.VisTypeTable, Custom: map[string]string{"resultType": answers[0].Type},
	}
	return frame
}

// labelColumns are the labels of all series: in order of appearance, those of
// one series sorted.
func labelColumns(answers []prometheus.Answer) []string {
	var names []string
	known := map[string]bool{}
	for _, answer := range answers {
		for _, series := range answer.Series {
			for _, name := range slices.Sorted(maps.Keys(series.Labels)) {
				if !known[name] {
					known[name] = true
					names = append(names, name)
				}
			}
		}
	}
	return names
}

func numbers(texts []string) []float64 {
	all := make([]float64, len(texts))
	for i, text := range texts {
		all[i] = bucketBound(text)
	}
	return all
}

func bucketBound(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// heatmapFrames are the frames of a classic histogram: for each label set but
// le one frame with a field for each bucket, which holds what lies in that
// bucket alone.
func heatmapFrames(s shape, answer prometheus.Answer) data.Frames {
	groups := map[string][]prometheus.Series{}
	for _, series := range answer.Series {
		rest := maps.Clone(series.Labels)
		delete(rest, "le")
		key := metricText(rest)
		groups[key] = append(groups[key], series)
	}
	var frames data.Frames
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		frames = append(frames, heatmapFrame(s, groups[key]))
	}
	return frames
}

func heatmapFrame(s shape, buckets []prometheus.Series) *data.Frame {
	sort.SliceStable(buckets, func(i, j int) bool {
		return bucketBound(buckets[i].Labels["le"]) < bucketBound(buckets[j].Labels["le"])
	})
	times := allTimes(buckets)
	stamps := make([]time.Time, len(times))
	for i, t := range times {
		stamps[i] = time.UnixMilli(t).UTC()
	}
	timeField := data.NewField("Time", nil, stamps)
	if s.Step > 0 {
		timeField.Config = &data.FieldConfig{Interval: float64(s.Step.Milliseconds())}
	}
	fields := []*data.Field{timeField}
	below := make([]float64, len(times))
	for _, bucket := range buckets {
		counts := map[int64]float64{}
		for _, p := range bucket.Points {
			counts[p.T] = p.V
		}
		own := make([]*float64, len(times))
		for i, t := range times {
			if count, there := counts[t]; there {
				difference := count - below[i]
				own[i], below[i] = &difference, count
			}
		}
		name := bucket.Labels["le"]
		if name == "" {
			name = legendOf(s, bucket.Labels)
		}
		field := data.NewField(name, bucket.Labels, own)
		fields = append(fields, field.SetConfig(&data.FieldConfig{DisplayNameFromDS: name}))
	}
	frame := data.NewFrame("", fields...)
	frame.RefID = s.RefID
	frame.Meta = &data.FrameMeta{Type: "heatmap-rows", Custom: map[string]string{"resultType": "matrix"}}
	return frame
}

func allTimes(all []prometheus.Series) []int64 {
	known := map[int64]bool{}
	for _, series := range all {
		for _, p := range series.Points {
			known[p.T] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// annotate adds to the first frame what was sent, and to say so where a result
// is not whole.
func annotate(frames data.Frames, s shape, answers []prometheus.Answer) {
	if len(frames) == 0 {
		return
	}
	meta := frames[0].Meta
	meta.ExecutedQueryString = "Expr: " + s.Expr
	if s.Step > 0 {
		meta.ExecutedQueryString += "\nStep: " + writeInterval(s.Step)
	}
	for _, answer := range answers {
		if answer.Cut {
			text := fmt.Sprintf("There are more than %[1]d series; only the first %[1]d are shown.", prometheus.MaxSeries)
			meta.Notices = append(meta.Notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: text})
		}
		slices.Sort(answer.Warnings)
		for _, warning := range slices.Compact(answer.Warnings) {
			meta.Notices = append(meta.Notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: warning})
		}
	}
}
