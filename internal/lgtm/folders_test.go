package lgtm

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// folderServer plays what Grafana knows of folders; what is in one is a count.
type folderServer struct {
	mu      sync.Mutex
	inside  map[string]int
	refuses string
	deleted []string
}

func (f *folderServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var answer any
	switch {
	case r.Method == http.MethodDelete && f.refuses != "":
		w.WriteHeader(http.StatusForbidden)
		answer = map[string]string{"message": f.refuses}
	case r.Method == http.MethodDelete:
		title := strings.TrimPrefix(r.URL.Path, "/api/folders/uid-")
		f.deleted = append(f.deleted, title)
		delete(f.inside, title)
		answer = struct{}{}
	case r.URL.Path == "/api/folders":
		folders := []map[string]string{}
		for title := range f.inside {
			folders = append(folders, map[string]string{"uid": "uid-" + title, "title": title})
		}
		answer = folders
	case r.URL.Path == "/api/search":
		answer = make([]struct{}, f.inside[strings.TrimPrefix(r.URL.Query().Get("folderUIDs"), "uid-")])
	default:
		answer = map[string]any{"result": map[string]int{"totalCount": 0}}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (f *folderServer) set(title string, inside int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside[title] = inside
}

func (f *folderServer) gone() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.deleted, " ")
}

// Only folders that are there for our dashboards go, and only empty.
func TestGrafanaFolders(t *testing.T) {
	grafana := &folderServer{inside: map[string]int{"theirs": 0}}
	server := httptest.NewServer(grafana)
	defer server.Close()
	g := newFolders(server.URL)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { g.tidy(ctx) })
	defer running.Wait()
	defer cancel()

	g.before(ctx, "start", true)
	g.before(ctx, "theirs", false)
	g.before(ctx, "later", false)
	g.now(map[string]bool{"start": true, "theirs": true, "later": true})
	grafana.set("start", 1)
	grafana.set("later", 2)
	g.now(map[string]bool{"start": true})
	g.mu.Lock()
	emptied := len(g.emptied)
	g.mu.Unlock()
	if emptied != 1 {
		t.Errorf("%d folders are to go, want later alone", emptied)
	}
	waittest.True(t, "the folder that is in use is looked at", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.emptied["later"] > 0
	})
	if gone := grafana.gone(); gone != "" {
		t.Fatalf("%s has gone with what was in it", gone)
	}
	grafana.set("later", 0)
	waittest.True(t, "the folder is removed", func() bool { return grafana.gone() == "later" && len(g.pending()) == 0 })

	grafana.mu.Lock()
	grafana.refuses = "folder cannot be deleted: it has alert rules"
	grafana.mu.Unlock()
	grafana.set("start", 0)
	g.now(nil)
	waittest.True(t, "there is a reason why it stays", func() bool {
		problems := g.problems()
		return len(problems) == 1 && strings.Contains(problems[0], "alert rules") && strings.Contains(problems[0], `"start"`)
	})
	g.before(ctx, "start", false)
	g.now(map[string]bool{"start": true})
	if problems := g.problems(); len(problems) > 0 {
		t.Errorf("a folder that is used again is reported: %q", problems)
	}
}
