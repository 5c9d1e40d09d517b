package prometheus

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"

	jsoniter "github.com/json-iterator/go"
)

// Answer is what a query returned.
type Answer struct {
	// Type is matrix, vector, scalar or string.
	Type   string
	Series []Series
	// Text is the value of a string.
	Text string
	// Cut tells that there were more than MaxSeries series.
	Cut      bool
	Warnings []string
}

// CountPoints counts the samples of all series.
func (a Answer) CountPoints() int {
	n := 0
	for _, series := range a.Series {
		n += len(series.Points)
	}
	return n
}

// HasValues tells whether there is a text or a number that is finite.
func (a Answer) HasValues() bool {
	return a.Type == "string" || slices.ContainsFunc(a.Series, func(s Series) bool {
		return slices.ContainsFunc(s.Points, func(p Point) bool { return !math.IsNaN(p.V) && !math.IsInf(p.V, 0) })
	})
}

// Series is one series of an answer.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Point is one sample; T is in Unix milliseconds.
type Point struct {
	T int64
	V float64
}

// An hour of a dashboard is tens of thousands of points: answers are read as
// they come and once, not first as JSON and then as what it means.

// reads returns what reads the data of an answer into a value.
func reads(into any) func(*jsoniter.Iterator) {
	return func(data *jsoniter.Iterator) { data.ReadVal(into) }
}

// readAnswer reads the form that all of Prometheus' API answers in, and lets
// read read its data.
func readAnswer(response *http.Response, read func(*jsoniter.Iterator)) (warnings []string, err error) {
	limited := &io.LimitedReader{R: response.Body, N: MaxAnswerBytes}
	answer := jsoniter.Parse(jsoniter.ConfigCompatibleWithStandardLibrary, limited, 64<<10)
	var status, refusal, kind string
	notPrometheus := answer.WhatIsNext() != jsoniter.ObjectValue
	answer.ReadObjectCB(func(field *jsoniter.Iterator, name string) bool {
		switch name {
		case "status":
			status = field.ReadString()
		case "error":
			refusal = field.ReadString()
		case "errorType":
			kind = field.ReadString()
		case "warnings":
			field.ReadVal(&warnings)
		case "data":
			read(field)
		default:
			field.Skip()
		}
		return field.Error == nil
	})
	switch {
	case limited.N <= 0:
		return nil, &QueryError{
			Status: http.StatusBadRequest, Kind: "too_large",
			Message: fmt.Sprintf("the answer is larger than %d MB; ask for fewer series or a larger step", MaxAnswerBytes>>20),
		}
	case refusal != "":
		return nil, &QueryError{Status: response.StatusCode, Kind: kind, Message: refusal}
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("asking Prometheus: it answers %s", response.Status)
	case notPrometheus, answer.Error == nil && status != "success":
		return nil, errors.New("reading Prometheus' answer: it is no answer of Prometheus' API")
	case answer.Error != nil:
		return nil, fmt.Errorf("reading Prometheus' answer: %w", readError(answer))
	}
	return warnings, nil
}

// readError is why an answer could not be read; jsoniter does not tell one
// that is cut off from one that is wrong.
func readError(answer *jsoniter.Iterator) error {
	err := answer.Error
	answer.Error = nil
	if answer.WhatIsNext(); errors.Is(answer.Error, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// read reads the data of a query's answer. What the result is shows in its
// form too, so that the order of the fields does not matter.
func (a *Answer) read(data *jsoniter.Iterator) {
	data.ReadObjectCB(func(field *jsoniter.Iterator, name string) bool {
		switch name {
		case "resultType":
			a.Type = field.ReadString()
		case "result":
			a.readResult(field)
		default:
			field.Skip()
		}
		return field.Error == nil
	})
}

// readResult reads the series of a matrix or a vector, or the one pair of a
// scalar or a string.
func (a *Answer) readResult(result *jsoniter.Iterator) {
	var pair []Point
	for result.ReadArray() {
		switch result.WhatIsNext() {
		case jsoniter.NumberValue:
			pair = []Point{{T: milliseconds(result)}}
		case jsoniter.StringValue:
			a.Text = result.ReadString()
		default:
			a.readSeries(result)
		}
	}
	if pair == nil || result.Error != nil {
		return
	}
	if a.Type == "scalar" {
		pair[0].V, a.Text = number(result, a.Text), ""
	}
	a.Series = []Series{{Points: pair}}
}

func (a *Answer) readSeries(result *jsoniter.Iterator) {
	series := Series{}
	result.ReadObjectCB(func(field *jsoniter.Iterator, name string) bool {
		switch name {
		case "metric":
			field.ReadVal(&series.Labels)
		case "value":
			series.Points = []Point{readPoint(field)}
		case "values":
			for field.ReadArray() {
				series.Points = append(series.Points, readPoint(field))
			}
		default:
			field.Skip()
		}
		return field.Error == nil
	})
	if len(series.Points) == 0 { // native histograms have no plain value
		a.Warnings = append(a.Warnings, "a native histogram is not shown; use histogram_quantile or histogram_count")
		return
	}
	a.Series = append(a.Series, series)
}

// readPoint reads [seconds, "value"].
func readPoint(pair *jsoniter.Iterator) Point {
	var point Point
	if pair.ReadArray() {
		point.T = milliseconds(pair)
	}
	if pair.ReadArray() {
		point.V = number(pair, pair.ReadString())
	}
	if pair.ReadArray() {
		pair.ReportError("read a sample", "it has more than a time and a value")
	}
	return point
}

// milliseconds reads Unix seconds.
func milliseconds(seconds *jsoniter.Iterator) int64 { return int64(seconds.ReadFloat64()*1000 + 0.5) }

// number reads a value: a JSON string, because JSON has no NaN.
func number(from *jsoniter.Iterator, text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && from.Error == nil {
		from.ReportError("read a sample", fmt.Sprintf("%.40q is no number", text))
	}
	return value
}
