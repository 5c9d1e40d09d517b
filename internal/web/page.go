package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

const ownAPI = "/api/diorama/v1"

// routePage adds what diorama's own page asks for.
func (s *server) routePage(mux *http.ServeMux) {
	mux.HandleFunc("POST "+ownAPI+"/dashboards/{uid}/variables", answers(s.variables))
	mux.HandleFunc("POST "+ownAPI+"/dashboards/{uid}/panels", answers(s.panels))
	mux.HandleFunc("POST "+ownAPI+"/dashboards/{uid}/panels/{id}/query", answers(s.query))
	mux.HandleFunc("POST "+ownAPI+"/dashboards/{uid}/annotations", answers(s.layers))
	mux.HandleFunc("GET "+ownAPI+"/live", s.stream)
	mux.HandleFunc("GET "+ownAPI+"/status", answers(s.status))
	mux.HandleFunc("GET "+ownAPI+"/cluster", answers(s.cluster))
	mux.HandleFunc("GET "+ownAPI+"/events", answers(s.events))
}

// instant is a time in a body: a text, or Unix milliseconds as a number.
type instant string

// UnmarshalJSON takes both.
func (i *instant) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] != '"' && string(data) != "null" {
		*i = instant(data)
		return nil
	}
	return json.Unmarshal(data, (*string)(i))
}

// request is the body of the page's requests.
type request struct {
	Variables     map[string]texts         `json:"variables"`
	ScopedVars    map[string]engine.Option `json:"scopedVars"`
	From          instant                  `json:"from"`
	To            instant                  `json:"to"`
	MaxDataPoints float64                  `json:"maxDataPoints"`
	IntervalMS    float64                  `json:"intervalMs"`
	Timezone      string                   `json:"timezone"`
}

// texts is a list of texts that may be written as one text.
type texts []string

// UnmarshalJSON takes both.
func (t *texts) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*t = texts{""}
		return json.Unmarshal(data, &(*t)[0])
	}
	return json.Unmarshal(data, (*[]string)(t))
}

type timeRange struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

func millis(r prometheus.TimeRange) timeRange {
	return timeRange{r.From.UnixMilli(), r.To.UnixMilli()}
}

// read finds the dashboard that a request is about, and reads its body.
func (s *server) read(r *http.Request) (*document.Dashboard, engine.Request, error) {
	var body request
	return s.readInto(r, &body, &body)
}

// readInto reads a body of which a request is a part.
func (s *server) readInto(r *http.Request, into any, body *request) (*document.Dashboard, engine.Request, error) {
	d, err := s.find(r.PathValue("uid"))
	if err != nil {
		return nil, engine.Request{}, err
	}
	if err := readBody(r, into); err != nil {
		return nil, engine.Request{}, err
	}
	zone, err := engine.ParseZone(body.Timezone)
	if err != nil {
		return nil, engine.Request{}, failure(http.StatusBadRequest, "%w", err)
	}
	now := time.Now()
	calendar := engine.CalendarOf(d, zone)
	shown, err := engine.ParseRange(string(body.From), string(body.To), now, calendar)
	if err != nil {
		return nil, engine.Request{}, failure(http.StatusBadRequest, "%w", err)
	}
	if body.IntervalMS < 0 || body.IntervalMS > float64((366*24*time.Hour).Milliseconds()) {
		return nil, engine.Request{}, failure(http.StatusBadRequest, "intervalMs is %v: use 0 to a year", body.IntervalMS)
	}
	variables := map[string][]string{}
	for name, values := range body.Variables {
		variables[name] = values
	}
	return d, engine.Request{
		Variables: variables, ScopedVars: body.ScopedVars, Range: shown, From: string(body.From), To: string(body.To),
		Now: now, Timezone: body.Timezone, Calendar: calendar,
		MaxDataPoints: int(min(max(body.MaxDataPoints, 0), 11_000)),
		Interval:      time.Duration(body.IntervalMS * float64(time.Millisecond)),
	}, nil
}

func (s *server) find(uid string) (*document.Dashboard, error) {
	d, ok := s.o.Library.Get(uid)
	if !ok {
		return nil, failure(http.StatusNotFound, "there is no dashboard with the uid %q", uid)
	}
	return d, nil
}

func (s *server) variables(r *http.Request) (any, error) {
	d, request, err := s.read(r)
	if err != nil {
		return nil, err
	}
	variables := s.engine.Variables(r.Context(), d, request)
	return map[string]any{"variables": variables, "timeRange": millis(request.Range)}, nil
}

func (s *server) panels(r *http.Request) (any, error) {
	d, request, err := s.read(r)
	if err != nil {
		return nil, err
	}
	return struct {
		engine.View
		TimeRange timeRange `json:"timeRange"`
	}{s.engine.View(r.Context(), d, request), millis(request.Range)}, nil
}

// layers answers the annotations of a dashboard.
func (s *server) layers(r *http.Request) (any, error) {
	var body struct {
		request
		Enabled map[string]bool `json:"enabled"`
	}
	d, request, err := s.readInto(r, &body, &body.request)
	if err != nil {
		return nil, err
	}
	layers, err := s.engine.Annotations(r.Context(), d, request, body.Enabled)
	if err != nil {
		return nil, failure(http.StatusBadRequest, "%w", err)
	}
	return map[string]any{"layers": layers, "timeRange": millis(request.Range)}, nil
}

func (s *server) query(r *http.Request) (any, error) {
	d, request, err := s.read(r)
	if err != nil {
		return nil, err
	}
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, failure(http.StatusBadRequest, "%q is no panel id", r.PathValue("id"))
	}
	panel, ok := d.Panel(id)
	if !ok {
		return nil, failure(http.StatusNotFound, "dashboard %q has no panel %d", d.UID(), id)
	}
	result, err := s.engine.Run(r.Context(), d, panel, request)
	if err != nil {
		return nil, failure(http.StatusBadRequest, "%w", err)
	}
	return struct {
		engine.Result
		TimeRange timeRange `json:"timeRange"`
	}{result, millis(request.Range)}, nil
}

func (s *server) status(r *http.Request) (any, error) {
	if s.o.Status == nil {
		return struct{}{}, nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	status, err := s.o.Status(ctx)
	if err != nil {
		return nil, failure(http.StatusBadGateway, "%w", err)
	}
	return status, nil
}

// events asks the backend for Kubernetes events.
func (s *server) events(r *http.Request) (any, error) {
	return s.findEvents(r.Context(), r.URL.Query())
}

func (s *server) findEvents(ctx context.Context, query url.Values) (json.RawMessage, error) {
	var page json.RawMessage
	err := s.client.Get(ctx, "diorama/events", query, &page)
	var refused *prometheus.QueryError
	switch {
	case errors.As(err, &refused):
		return nil, failure(refused.Status, "%w", err)
	case err != nil:
		return nil, failure(http.StatusBadGateway, "%w", err)
	}
	return page, nil
}
