package lgtm

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// What Grafana reads follows the user's folder; a file that breaks keeps what
// it held, and is reported.
func TestProvisioning(t *testing.T) {
	own, to := t.TempDir(), filepath.Join(t.TempDir(), "dashboards")
	save := func(name, text string) {
		t.Helper()
		path := filepath.Join(own, name)
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	title := func(name, want string) func() bool {
		return func() bool {
			data, err := os.ReadFile(filepath.Join(to, name))
			var d struct{ Title string }
			return err == nil && json.Unmarshal(data, &d) == nil && d.Title == want
		}
	}
	save("team/one.json", `{"uid": "one", "title": "First", "panels": [], "schemaVersion": 39}`)
	shipped := fstest.MapFS{"shipped.json": {Data: []byte(`{"uid": "shipped", "title": "Shipped", "panels": []}`)}}
	boards := &library.Library{Dir: own, Shipped: shipped}
	p := NewProvisioning(boards, filepath.Dir(to), "http://127.0.0.1:1")
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err := os.Stat(filepath.Join(to, "shipped.json"))
	if err != nil || !title("team/one.json", "First")() || len(p.Warnings()) > 0 {
		t.Errorf("the folder lacks a dashboard: %v; warnings: %q", err, p.Warnings())
	}
	save("team/one.json", `{"uid": "one", "title": "Second", "panels": [], "schemaVersion": 39}`)
	waittest.True(t, "the change is there", title("team/one.json", "Second"))
	save("team/one.json", `{"uid": "one", "title": `)
	waittest.True(t, "the broken file is reported", func() bool {
		return len(p.Warnings()) == 1 && strings.Contains(p.Warnings()[0], "team/one.json")
	})
	if !title("team/one.json", "Second")() {
		t.Error("a broken file lost what it held")
	}
	if err := os.Remove(filepath.Join(own, "team/one.json")); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "the dashboard is removed", func() bool {
		_, err := os.Stat(filepath.Join(to, "team"))
		return errors.Is(err, os.ErrNotExist)
	})
	// What Grafana would refuse in silence is kept from it, and reported.
	long := strings.Repeat("u", 41)
	save("long.json", `{"uid": "`+long+`", "title": "Long", "panels": [], "schemaVersion": 39}`)
	waittest.True(t, "the long uid is reported", func() bool {
		return len(p.Warnings()) == 1 && strings.Contains(p.Warnings()[0], "long.json: Grafana refuses it")
	})
	if _, err := os.Stat(filepath.Join(to, long+".json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Grafana is given what it refuses: %v", err)
	}
	save("long.json", `{"uid": "short", "title": "Long", "panels": [], "schemaVersion": 39}`)
	waittest.True(t, "the mended dashboard is there", title("short.json", "Long"))
	// The files are written before their faults are known.
	waittest.True(t, "it is reported no more", func() bool { return len(p.Warnings()) == 0 })
}
