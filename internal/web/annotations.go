package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/engine"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// event is what an annotation is made of.
type event struct {
	ID                          int64
	Namespace, Kind, Name, Type string
	Reason, Message             string
	FirstTime, LastTime         time.Time
}

func (s *server) annotations(r *http.Request) (any, error) {
	asked := r.URL.Query()
	shown, err := engine.ParseRange(asked.Get("from"), asked.Get("to"), time.Now(), engine.Calendar{})
	if err != nil {
		return nil, failure(http.StatusBadRequest, "%w", err)
	}
	limit, err := limitOf(asked, 100)
	if err != nil {
		return nil, err
	}
	events, err := s.happened(r.Context(), shown)
	if err != nil {
		return nil, err
	}
	all := []engine.Annotation{}
	for _, a := range events {
		if len(all) < limit && a.Tagged(asked["tags"], asked.Get("matchAny") == "true") {
			all = append(all, a)
		}
	}
	return all, nil
}

// happened are the Kubernetes events of a range as annotations, newest first.
func (s *server) happened(ctx context.Context, r prometheus.TimeRange) ([]engine.Annotation, error) {
	query := url.Values{
		"since": {r.From.Format(time.RFC3339Nano)}, "until": {r.To.Format(time.RFC3339Nano)}, "limit": {"1000"},
	}
	data, err := s.findEvents(ctx, query)
	if err != nil {
		return nil, err
	}
	var page struct{ Events []event }
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, failure(http.StatusBadGateway, "reading the events: %w", err)
	}
	all := make([]engine.Annotation, len(page.Events))
	for i, e := range page.Events {
		all[i] = e.annotation()
	}
	return all, nil
}

func (e event) annotation() engine.Annotation {
	return engine.Annotation{
		ID: e.ID, Time: e.FirstTime.UnixMilli(), TimeEnd: e.LastTime.UnixMilli(),
		Text: fmt.Sprintf("%s %s/%s: %s", e.Kind, e.Namespace, e.Name, e.Message),
		Tags: []string{e.Namespace, e.Kind, e.Reason, e.Type},
	}
}
