package engine

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/prometheus"
)

func TestSourceInterval(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch strings.TrimPrefix(r.URL.Path, "/grafana/api/datasources/") {
		case "uid/prometheus", "7":
			fmt.Fprint(w, `{"uid": "prometheus", "jsonData": {"timeInterval": "5s"}}`)
		case "uid/plain":
			fmt.Fprint(w, `{"uid": "plain", "jsonData": {}}`)
		case "uid/odd":
			fmt.Fprint(w, `{"jsonData": {"timeInterval": "soon"}}`)
		case "uid/page":
			fmt.Fprint(w, `<html>`)
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		path string
		want time.Duration
		said string
	}{
		{"/grafana/api/datasources/proxy/uid/prometheus", 5 * time.Second, ""},
		{"/grafana/api/datasources/proxy/uid/prometheus/", 5 * time.Second, ""},
		{"/grafana/api/datasources/proxy/7", 5 * time.Second, ""},
		{"/grafana/api/datasources/proxy/uid/plain", 15 * time.Second, ""},
		{"/grafana/api/datasources/proxy/uid/odd", 0, `"soon" is no interval`},
		{"/grafana/api/datasources/proxy/uid/page", 0, "reading what Grafana says"},
		{"/grafana/api/datasources/proxy/uid/secret", 0, "403"},
		{"/prometheus", 0, ErrNotGrafana.Error()},
	} {
		client := prometheus.NewClient(server.URL + c.path)
		got, err := SourceInterval(t.Context(), client)
		if got != c.want || (err == nil) != (c.said == "") || err != nil && !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: %s, %v; want %s, %q", c.path, got, err, c.want, c.said)
		}
		client.Close()
	}
	if SourceAddress("http://127.0.0.1:3000/") != "http://127.0.0.1:3000/api/datasources/proxy/uid/prometheus" {
		t.Error("the address of an environment's data source is another one")
	}
	client := prometheus.NewClient("http://127.0.0.1:1/api/datasources/proxy/uid/x")
	defer client.Close()
	_, err := SourceInterval(t.Context(), client)
	if err == nil || errors.Is(err, ErrNotGrafana) {
		t.Errorf("a Grafana that does not answer gives %v", err)
	}
}
