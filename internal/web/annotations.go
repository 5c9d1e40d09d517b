package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard"
)

// annotation is a Kubernetes event as Grafana's annotations have it; times are
// Unix milliseconds.
type annotation struct {
	ID      int64    `json:"id"`
	Time    int64    `json:"time"`
	TimeEnd int64    `json:"timeEnd"`
	Text    string   `json:"text"`
	Tags    []string `json:"tags"`
}

// event is what an annotation is made of.
type event struct {
	ID                          int64
	Namespace, Kind, Name, Type string
	Reason, Message             string
	FirstTime, LastTime         time.Time
}

func (s *server) annotations(r *http.Request) (any, error) {
	asked := r.URL.Query()
	shown, err := dashboard.ParseRange(asked.Get("from"), asked.Get("to"), time.Now(), time.UTC)
	if err != nil {
		return nil, failure(http.StatusBadRequest, "%w", err)
	}
	query := url.Values{"since": {shown.From.Format(time.RFC3339Nano)}, "until": {shown.To.Format(time.RFC3339Nano)}, "limit": {"1000"}}
	limit, err := limitOf(asked, 100)
	if err != nil {
		return nil, err
	}
	data, err := s.findEvents(r.Context(), query)
	if err != nil {
		return nil, err
	}
	var page struct{ Events []event }
	if err := json.Unmarshal(data, &page); err != nil {
		return nil, failure(http.StatusBadGateway, "reading the events: %w", err)
	}
	all := []annotation{}
	for _, e := range page.Events {
		if a := e.annotation(); len(all) < limit && hasAll(a.Tags, asked["tags"]) {
			all = append(all, a)
		}
	}
	return all, nil
}

func (e event) annotation() annotation {
	return annotation{
		ID: e.ID, Time: e.FirstTime.UnixMilli(), TimeEnd: e.LastTime.UnixMilli(),
		Text: fmt.Sprintf("%s %s/%s: %s", e.Kind, e.Namespace, e.Name, e.Message), Tags: []string{e.Namespace, e.Kind, e.Reason, e.Type},
	}
}

func hasAll(tags, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(tag string) bool { return !slices.Contains(tags, tag) })
}
