// Package prometheus asks a Prometheus over its HTTP API: queries, and the
// series, label names and values that there are.
package prometheus

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	jsoniter "github.com/json-iterator/go"
	"github.com/prometheus/common/model"
)

// Limits of one answer.
const (
	// MaxSeries is how many series of a query are taken; more are cut, and
	// the answer says so.
	MaxSeries = 10_000
	// MaxNames is how many label sets, names or values are asked for, and one
	// more, which tells that there are more.
	MaxNames = 10_000
	// MaxAnswerBytes is how large an answer may be.
	MaxAnswerBytes = 64 << 20
	queryTimeout   = 60 * time.Second
)

// TimeRange is from when until when a query looks.
type TimeRange struct{ From, To time.Time }

// Duration is the length of the range.
func (r TimeRange) Duration() time.Duration { return r.To.Sub(r.From) }

// API is what queries are asked of: a Client, or what stands before one.
type API interface {
	Query(ctx context.Context, expr string, at time.Time) (Answer, error)
	QueryRange(ctx context.Context, expr string, r TimeRange, step time.Duration) (Answer, error)
	// Series returns the label sets that match.
	Series(ctx context.Context, match string, r TimeRange) ([]map[string]string, error)
	// LabelNames and LabelValues look at what matches; an empty match is everything.
	LabelNames(ctx context.Context, match string, r TimeRange) ([]string, error)
	LabelValues(ctx context.Context, label, match string, r TimeRange) ([]string, error)
}

// A QueryError is an answer of Prometheus that refuses a query.
type QueryError struct {
	Status  int
	Kind    string
	Message string
}

func (e *QueryError) Error() string { return e.Message }

// Client is the API over HTTP.
type Client struct {
	// URL is the base, such as http://127.0.0.1:9090.
	URL  string
	HTTP *http.Client
}

// NewClient returns a client for a base URL.
func NewClient(base string) *Client {
	return &Client{URL: strings.TrimRight(base, "/"), HTTP: &http.Client{
		Timeout:   queryTimeout + 5*time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second},
	}}
}

// Close drops idle connections.
func (c *Client) Close() { c.HTTP.CloseIdleConnections() }

// Query implements API.
func (c *Client) Query(ctx context.Context, expr string, at time.Time) (Answer, error) {
	return c.query(ctx, "query", url.Values{"query": {expr}, "time": {seconds(at)}})
}

// QueryRange implements API.
func (c *Client) QueryRange(ctx context.Context, expr string, r TimeRange, step time.Duration) (Answer, error) {
	return c.query(ctx, "query_range", url.Values{
		"query": {expr}, "start": {seconds(r.From)}, "end": {seconds(r.To)},
		"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

func (c *Client) query(ctx context.Context, path string, form url.Values) (Answer, error) {
	form.Set("limit", strconv.Itoa(MaxSeries))
	form.Set("timeout", queryTimeout.String())
	answer := Answer{}
	warnings, err := c.ask(ctx, http.MethodPost, path, form, answer.read)
	if err != nil {
		return Answer{}, err
	}
	for _, warning := range warnings {
		if strings.Contains(warning, "truncated due to limit") {
			answer.Cut = true
			continue
		}
		answer.Warnings = append(answer.Warnings, warning)
	}
	if len(answer.Series) > MaxSeries { // not every Prometheus knows the limit
		answer.Series, answer.Cut = answer.Series[:MaxSeries], true
	}
	return answer, nil
}

// Series implements API.
func (c *Client) Series(ctx context.Context, match string, r TimeRange) ([]map[string]string, error) {
	var all []map[string]string
	_, err := c.ask(ctx, http.MethodPost, "series", metadataForm(match, r), reads(&all))
	return all, err
}

// LabelNames implements API.
func (c *Client) LabelNames(ctx context.Context, match string, r TimeRange) ([]string, error) {
	var all []string
	_, err := c.ask(ctx, http.MethodPost, "labels", metadataForm(match, r), reads(&all))
	return all, err
}

// LabelValues implements API.
func (c *Client) LabelValues(ctx context.Context, label, match string, r TimeRange) ([]string, error) {
	var all []string
	_, err := c.ask(ctx, http.MethodGet, "label/"+model.EscapeName(label, model.ValueEncodingEscaping)+"/values",
		metadataForm(match, r), reads(&all))
	return all, err
}

func metadataForm(match string, r TimeRange) url.Values {
	form := url.Values{"start": {seconds(r.From)}, "end": {seconds(r.To)}, "limit": {strconv.Itoa(MaxNames + 1)}}
	if match != "" {
		form.Set("match[]", match)
	}
	return form
}

func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}

// ask makes one request and lets read read the data of its answer.
func (c *Client) ask(
	ctx context.Context, method, path string, form url.Values, read func(*jsoniter.Iterator),
) ([]string, error) {
	address, body := c.URL+"/api/v1/"+path, io.Reader(nil)
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else {
		address += "?" + form.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("making a request to Prometheus: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking Prometheus: %w", err)
	}
	defer response.Body.Close()
	return readAnswer(response, read)
}

// Get asks for something else below /api/v1/ that is answered in the same form.
func (c *Client) Get(ctx context.Context, path string, query url.Values, into any) error {
	_, err := c.ask(ctx, http.MethodGet, path, query, reads(into))
	return err
}
