package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/backend/backendtest"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

const pods = `{"uid":"pods","title":"The pods","tags":["k8s"],"version":2,
 "templating":{"list":[{"name":"namespace","type":"query","query":"label_values(pod_up, namespace)","multi":true,
 "includeAll":true}]},
 "annotations":{"list":[{"name":"Up","enable":true,"iconColor":"blue","filter":{"ids":[1]},
 "expr":"pod_up{namespace=\"shop\"}","step":"15s","textFormat":"{{namespace}}","tagKeys":"namespace"}]},
 "panels":[{"id":1,"type":"timeseries","title":"Up in $namespace","repeat":"namespace",
 "gridPos":{"x":0,"y":0,"w":24,"h":8},
  "targets":[{"refId":"A","expr":"sum(pod_up{namespace=~\"$namespace\"})"}]}]}`

// running is a server over a real backend with a few series and a folder.
type running struct {
	t      *testing.T
	url    string
	folder string
	broken chan library.Event
}

func start(t *testing.T, change ...func(*Options)) *running {
	t.Helper()
	prometheus := backendtest.Start(t)
	backendtest.Push(t, prometheus, begin, 15*time.Second,
		backendtest.Series{Name: "pod_up", Labels: map[string]string{"namespace": "shop"}, Values: []float64{1, 1, 1, 1, 1}},
		backendtest.Series{
			Name: "pod_up", Labels: map[string]string{"namespace": "batch"}, Values: []float64{2, 2, 2, 2, 2},
		})
	r := &running{t: t, folder: t.TempDir(), broken: make(chan library.Event, 10)}
	r.write("team/pods.json", pods)
	address := make(chan string, 1)
	o := Options{
		Listen: "127.0.0.1:0", Prometheus: prometheus, ScrapeInterval: 15 * time.Second, Version: "v1",
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Library: &library.Library{
			Dir: r.folder, Shipped: fstest.MapFS{"s.json": {Data: []byte(`{"uid":"shipped","title":"Shipped"}`)}},
		},
		Listening: func(a string) { address <- a }, Broken: func(e library.Event) { r.broken <- e },
	}
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	select {
	case a := <-address:
		r.url = "http://" + a
	case err := <-done:
		t.Fatal(err)
	}
	return r
}

func (r *running) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	// Whole or not at all: nobody is to see it empty in between.
	whole := filepath.Join(r.t.TempDir(), "whole")
	if err := os.WriteFile(whole, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(whole, file); err != nil {
		r.t.Fatal(err)
	}
}

// ask sends a request, headers as key, value pairs, and returns status and body.
func (r *running) ask(method, path, body string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response, string(text)
}

// expected is a request, the status that answers it, and a part of the answer.
type expected struct {
	method, path, body string
	status             int
	part               string
}

func (r *running) check(all ...expected) {
	r.t.Helper()
	for _, e := range all {
		response, text := r.ask(e.method, e.path, e.body)
		if response.StatusCode != e.status || !strings.Contains(text, e.part) {
			r.t.Errorf("%s %s %.60s: %d %.300s, want %d %s", e.method, e.path, e.body, response.StatusCode, text, e.status,
				e.part)
		}
		if kind := response.Header.Get("Content-Type"); strings.HasPrefix(e.path, "/api/") && kind != "application/json" &&
			response.StatusCode != http.StatusForbidden {
			r.t.Errorf("%s %s answers %s", e.method, e.path, kind)
		}
	}
}
