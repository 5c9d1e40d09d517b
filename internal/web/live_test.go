package web

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// stream reads the events of an open page.
func (r *running) stream() <-chan string {
	r.t.Helper()
	response, err := http.Get(r.url + ownAPI + "/live")
	if err != nil {
		r.t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(response.Body)
		for scanner.Scan() {
			if data, ok := strings.CutPrefix(scanner.Text(), "data: "); ok {
				lines <- data
			}
		}
	}()
	r.t.Cleanup(func() {
		response.Body.Close()
		for range lines {
		}
	})
	return lines
}

func next(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case line := <-lines:
			if line == want {
				return
			}
			t.Logf("passed over %s", line)
		case <-deadline:
			t.Fatalf("%s did not come", want)
		}
	}
}

// A saved file reaches open pages; a broken one with its place, and whoever
// started the server too.
func TestLive(t *testing.T) {
	r := start(t)
	lines := r.stream()
	next(t, lines, `{"errors":[],"type":"hello"}`)
	r.write("team/pods.json", strings.Replace(pods, "The pods", "Changed", 1))
	next(t, lines, `{"type":"dashboard","uid":"pods","version":3}`)
	r.write("team/pods.json", "{\n  \"title\" 5}")
	next(t, lines, `{"type":"error","file":"team/pods.json","line":2,"column":11,"message":"no JSON: invalid character `+
		`'5' after object key"}`)
	if e := <-r.broken; e.String() != "team/pods.json:2:11: no JSON: invalid character '5' after object key" {
		t.Errorf("reported: %s", e)
	}
	next(t, r.stream(), `{"errors":[{"file":"team/pods.json","line":2,"column":11,"message":"no JSON: invalid `+
		`character '5' after object key"}],"type":"hello"}`)
	r.check(expected{"GET", "/api/dashboards/uid/pods", "", 200, `"title":"Changed"`})
	r.write("team/pods.json", pods)
	next(t, lines, `{"type":"ok","file":"team/pods.json"}`)
	if e := <-r.broken; e.String() != "team/pods.json: can be read again" {
		t.Errorf("reported: %s", e)
	}
	r.check(expected{"POST", "/api/dashboards/db", `{"dashboard":{"uid":"saved","title":"Saved"}}`, 200, "success"})
	next(t, lines, `{"type":"dashboard","uid":"saved","version":1}`)
	if err := os.Remove(filepath.Join(r.folder, "saved.json")); err != nil {
		t.Fatal(err)
	}
	next(t, lines, `{"type":"removed","uid":"saved"}`)
}

// Whoever started the environment follows files that break and are mended.
func TestFollow(t *testing.T) {
	r := start(t)
	r.write("bad.json", "{")
	<-r.broken
	reported := make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Follow(ctx, r.url, func(e *library.Event) bool {
			if e == nil {
				reported <- "all"
			} else {
				reported <- e.String()
			}
			return true
		})
	}()
	for _, want := range []string{"bad.json:1:1: the JSON ends in the middle", "all"} {
		if got := <-reported; got != want {
			t.Errorf("reported %s, want %s", got, want)
		}
	}
	r.write("bad.json", `{"uid":"good","title":"Good"}`)
	if got := <-reported; got != "bad.json: can be read again" {
		t.Errorf("reported %s", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	n := 0
	if err := Follow(t.Context(), r.url, func(*library.Event) bool { n++; return false }); err != nil || n != 1 {
		t.Errorf("reported %d times, %v", n, err)
	}
	if err := Follow(t.Context(), "http://127.0.0.1:1", nil); err == nil {
		t.Error("nobody there is no error")
	}
}

// A page that does not keep up is dropped; others are not held up.
func TestSlowListener(t *testing.T) {
	h := newHub()
	slow, endSlow := h.listen()
	defer endSlow()
	for i := range 1000 {
		h.send(library.Event{Version: i})
	}
	n := 0
	for range slow {
		n++
	}
	if n == 0 || n >= 1000 {
		t.Errorf("%d events came before it was dropped", n)
	}
}
