package lgtm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

const (
	// tidyEvery is how often emptied folders are looked at; Grafana itself looks
	// for dashboards that are gone every three seconds.
	tidyEvery = 2 * time.Second
	// tidyLooks is how often a folder is found with something in it before it is
	// taken for somebody's.
	tidyLooks = 30
)

// folders removes folders from Grafana that have no dashboards of ours
// any more. Grafana makes a folder for each subfolder of dashboards, and keeps
// it when they are gone.
type folders struct {
	url    string
	client *http.Client

	mu sync.Mutex
	// made are the titles of the folders that Grafana has because of our files:
	// those that were there before are the user's.
	made map[string]bool
	// emptied are those of them without a file, by how often something was
	// found in them.
	emptied map[string]int
	// kept is why one could not be removed.
	kept map[string]string
}

func newFolders(url string) *folders {
	return &folders{
		url: url, client: &http.Client{Timeout: 2 * time.Second},
		made: map[string]bool{}, emptied: map[string]int{}, kept: map[string]string{},
	}
}

// before is called before a dashboard is written into a folder that may be new.
// first tells that Grafana is yet to start: what it has of that name is of an
// earlier run.
func (g *folders) before(ctx context.Context, title string, first bool) {
	g.mu.Lock()
	_, known := g.made[title]
	g.mu.Unlock()
	if known {
		return
	}
	ours := first
	if !first {
		uid, err := g.find(ctx, title)
		ours = err == nil && uid == "" // what cannot be told apart is left alone
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.made[title] = ours
}

// now tells which folders have dashboards.
func (g *folders) now(titles map[string]bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for title, ours := range g.made {
		switch _, pending := g.emptied[title]; {
		case titles[title]:
			delete(g.emptied, title)
			delete(g.kept, title)
		case !ours:
			delete(g.made, title) // whose it is, is asked again when it is back
		case !pending:
			g.emptied[title] = 0
		}
	}
}

// tidy removes emptied folders until ctx ends.
func (g *folders) tidy(ctx context.Context) {
	for wait.Pause(ctx, tidyEvery) == nil {
		for _, title := range g.pending() {
			uid, used, err := g.look(ctx, title)
			if err == nil && uid != "" && !used {
				err = g.ask(ctx, http.MethodDelete, "/api/folders/"+url.PathEscape(uid), nil)
			}
			g.looked(title, uid, used, err)
		}
	}
}

func (g *folders) pending() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Keys(g.emptied))
}

// looked notes what came of a look at an emptied folder.
func (g *folders) looked(title, uid string, used bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	looks, pending := g.emptied[title]
	var refused *refusedError
	switch {
	case !pending:
		return // it has dashboards again
	case err != nil && !errors.As(err, &refused):
		return // Grafana does not answer now
	case err != nil:
		g.kept[title] = fmt.Sprintf("the folder %q is empty, and Grafana keeps it: %v; delete it there", title, refused)
	case used && looks < tidyLooks:
		g.emptied[title]++
		return
	case !used && uid != "":
		slog.Info("the folder is removed from Grafana: it has no dashboards any more", "folder", title)
	}
	delete(g.emptied, title)
	delete(g.made, title)
}

// problems are the folders that could not be removed.
func (g *folders) problems() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Sorted(maps.Values(g.kept))
}

// look finds a folder, and whether there is something in it: dashboards,
// folders or library panels.
func (g *folders) look(ctx context.Context, title string) (uid string, used bool, err error) {
	if uid, err = g.find(ctx, title); err != nil || uid == "" {
		return uid, false, err
	}
	var hits []json.RawMessage
	if err := g.ask(ctx, http.MethodGet, "/api/search?limit=1&folderUIDs="+url.QueryEscape(uid), &hits); err != nil {
		return uid, false, err
	}
	var library struct{ Result struct{ TotalCount int } }
	err = g.ask(ctx, http.MethodGet, "/api/library-elements?perPage=1&folderFilterUIDs="+url.QueryEscape(uid), &library)
	return uid, len(hits) > 0 || library.Result.TotalCount > 0, err
}

// find returns the uid of the folder with a title, "" if there is none.
func (g *folders) find(ctx context.Context, title string) (string, error) {
	var all []struct{ UID, Title string }
	if err := g.ask(ctx, http.MethodGet, "/api/folders?limit=1000", &all); err != nil {
		return "", err
	}
	for _, f := range all {
		if f.Title == title {
			return f.UID, nil
		}
	}
	return "", nil
}

// refusedError is Grafana's no.
type refusedError struct{ status, message string }

func (e *refusedError) Error() string {
	if e.message == "" {
		return e.status
	}
	return e.status + ", " + e.message
}

func (g *folders) ask(ctx context.Context, method, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, g.url+path, nil)
	if err != nil {
		return fmt.Errorf("asking Grafana: %w", err)
	}
	response, err := g.client.Do(request)
	if err != nil {
		return fmt.Errorf("asking Grafana: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return fmt.Errorf("reading Grafana's answer: %w", err)
	}
	switch {
	case response.StatusCode >= 500: // it starts, or something before it does
		return fmt.Errorf("asking Grafana: %s", response.Status)
	case response.StatusCode != http.StatusOK:
		var said struct{ Message string }
		_ = json.Unmarshal(body, &said) // a message helps, and need not be there
		return &refusedError{response.Status, strings.TrimSpace(said.Message)}
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("reading Grafana's answer: %w", err)
	}
	return nil
}
