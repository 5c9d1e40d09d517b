package library

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// watching runs Watch until the test ends, and hands on what it reports.
func watching(t *testing.T, l *Library) <-chan Event {
	t.Helper()
	events := make(chan Event, 100)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- l.Watch(ctx, func(all []Event) {
			for _, e := range all {
				events <- e
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return events
}

// expect waits for an event, written as type, uid or place, and message.
func expect(t *testing.T, events <-chan Event, want string) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	var seen []string
	for {
		select {
		case e := <-events:
			got := e.Type + " " + e.UID
			if e.UID == "" {
				got = e.Type + " " + e.File
			}
			if e.Line > 0 {
				got += fmt.Sprintf(":%d:%d", e.Line, e.Column)
			}
			if got == want {
				return
			}
			seen = append(seen, got)
		case <-deadline:
			t.Fatalf("%s did not come; seen %q", want, seen)
		}
	}
}

// A saved file, a new one, one that is removed or broken, and one that an
// import of changes: each is reported, and the last good version stays.
func TestWatch(t *testing.T) {
	folder := folderOf(t, map[string]string{
		"a.json":          `{"uid":"a","title":"First"}`,
		"b.jsonnet":       `(import 'lib/b.libsonnet') + {uid: 'b'}`,
		"lib/b.libsonnet": `{title: 'Import'}`,
	})
	l := &Library{Dir: folder, Evaluate: inChild(t, time.Minute)}
	load(t, l)
	events := watching(t, l)
	title := func(uid string) string {
		d, ok := l.Get(uid)
		if !ok {
			return "gone"
		}
		return d.Title()
	}
	for _, step := range []struct {
		name       string
		change     func()
		event      string
		uid, title string
		errors     int
	}{
		{"saved", func() { rewrite(t, folder, "a.json", `{"uid":"a","title":"Second"}`) }, "dashboard a", "a", "Second", 0},
		{"broken", func() { rewrite(t, folder, "a.json", "{\n\"uid\": }") }, "error a.json:2:8", "a", "Second", 1},
		{"still broken", func() { rewrite(t, folder, "a.json", "{\n\n\"uid\": }") }, "error a.json:3:8", "a", "Second", 1},
		{"mended", func() { rewrite(t, folder, "a.json", `{"uid":"a","title":"Third"}`) }, "dashboard a", "a", "Third", 0},
		{"import saved", func() { rewrite(t, folder, "lib/b.libsonnet", `{title: 'New import'}`) }, "dashboard b", "b",
			"New import", 0},
		{"import broken", func() { rewrite(t, folder, "lib/b.libsonnet", `{title: }`) }, "error lib/b.libsonnet:1:9", "b",
			"New import", 1},
		{"import mended", func() { rewrite(t, folder, "lib/b.libsonnet", `{title: 'Again'}`) }, "dashboard b", "b", "Again",
			0},
		{"new folder", func() { rewrite(t, folder, "new/deep/c.json", `{"uid":"c","title":"C"}`) }, "dashboard c", "c", "C",
			0},
		{"in new folder", func() { rewrite(t, folder, "new/deep/c.json", `{"uid":"c","title":"C2"}`) }, "dashboard c", "c",
			"C2", 0},
		{"replaced by rename", func() { replace(t, folder, "a.json", `{"uid":"a","title":"Renamed"}`) }, "dashboard a", "a",
			"Renamed", 0},
		{"removed", func() { remove(t, folder, "new/deep/c.json") }, "removed c", "c", "gone", 0},
		{"folder moved away", func() { remove(t, folder, "new"); remove(t, folder, "a.json") }, "removed a", "a", "gone", 0},
		{"folder again", func() { rewrite(t, folder, "new/deep/c.json", `{"uid":"c","title":"C3"}`) }, "dashboard c", "c",
			"C3", 0},
	} {
		step.change()
		expect(t, events, step.event)
		if got := title(step.uid); got != step.title {
			t.Errorf("%s: title %s, want %s", step.name, got, step.title)
		}
		if errs := l.Errors(); len(errs) != step.errors {
			t.Errorf("%s: errors %v", step.name, errs)
		}
	}
}

func TestQuiet(t *testing.T) {
	for since, want := range map[time.Duration]time.Duration{
		0: pause, latest - pause: pause, latest - time.Millisecond: time.Millisecond, latest: 0, time.Hour: 0,
	} {
		if got := quiet(since); got != want {
			t.Errorf("%s after the first change: %s, want %s", since, got, want)
		}
	}
}

func replace(t *testing.T, folder, name, text string) {
	t.Helper()
	rewrite(t, folder, "."+name+".new", text)
	if err := os.Rename(filepath.Join(folder, "."+name+".new"), filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

// What is in the folder takes the place of what is shipped, until it is gone.
func TestShipped(t *testing.T) {
	folder := folderOf(t, map[string]string{"mine.json": `{"uid":"a","title":"Mine"}`})
	l := &Library{Dir: folder, Shipped: fstest.MapFS{
		"a.json": {Data: []byte(`{"uid":"a","title":"Shipped"}`)}, "b.json": {Data: []byte(`{"uid":"b","title":"B"}`)},
		"note.md": {Data: []byte("x")},
	}}
	load(t, l)
	if d, _ := l.Get("a"); d.Title() != "Mine" || uids(l) != "a b" {
		t.Errorf("%s of %s", d.Title(), uids(l))
	}
	remove(t, folder, "mine.json")
	if _, err := l.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d, _ := l.Get("a"); d.Title() != "Shipped" {
		t.Errorf("%s", d.Title())
	}
	broken := &Library{Shipped: fstest.MapFS{"a.json": {Data: []byte(`{`)}}}
	if _, err := broken.Load(t.Context()); err == nil {
		t.Error("a shipped dashboard that is broken is no error")
	}
}

// Of two files with one uid the first is served, and the second is named.
func TestTwice(t *testing.T) {
	l := &Library{
		Dir: folderOf(t, map[string]string{"a.json": `{"uid":"same","title":"A"}`, "b.json": `{"uid":"same","title":"B"}`}),
	}
	load(t, l)
	d, _ := l.Get("same")
	if errs := l.Errors(); d.Title() != "A" || len(errs) != 1 ||
		errs[0].Error() != `b.json: uid "same" is also used in a.json; the first one is served` {
		t.Errorf("%s is served; errors %v", d.Title(), errs)
	}
	remove(t, l.Dir, "a.json")
	if _, err := l.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d, _ := l.Get("same"); d.Title() != "B" || len(l.Errors()) != 0 {
		t.Errorf("%s is served; errors %v", d.Title(), l.Errors())
	}
}

// A file that is too large is not read.
func TestLargeFile(t *testing.T) {
	l := &Library{Dir: folderOf(t, map[string]string{"large.json": strings.Repeat(" ", document.MaxBytes+1)})}
	load(t, l)
	if errs := l.Errors(); len(errs) != 1 || errs[0].Message != "is 20 MB large; a dashboard may have 20 MB" {
		t.Errorf("errors %v", errs)
	}
}

// A folder that is gone is reported; what it held stays, and what it holds when
// it is there again is read.
func TestFolderIsGone(t *testing.T) {
	folder := folderOf(t, map[string]string{"boards/a.json": `{"uid":"a","title":"A"}`})
	l := &Library{Dir: filepath.Join(folder, "boards")}
	load(t, l)
	events := watching(t, l)
	remove(t, folder, "boards/a.json")
	expect(t, events, "removed a")
	remove(t, folder, "boards")
	expect(t, events, "error "+l.Dir)
	if errs := l.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Message, "no such file") {
		t.Errorf("errors %v", errs)
	}
	rewrite(t, folder, "boards/b.json", `{"uid":"b","title":"B"}`)
	expect(t, events, "ok "+l.Dir)
	expect(t, events, "dashboard b")
	rewrite(t, folder, "boards/b.json", `{"uid":"b","title":"New B"}`)
	expect(t, events, "dashboard b")
}

func TestSave(t *testing.T) {
	folder := folderOf(t, map[string]string{
		"team/there.json": `{"uid":"there","title":"There","version":3}`, "made.jsonnet": `{uid: 'made', title: 'Made'}`,
		"other.json": `{"uid":"x","title":"X"}`,
	})
	l := &Library{
		Dir: folder, Evaluate: inChild(t, time.Minute), Shipped: fstest.MapFS{
			"s.json": {Data: []byte(`{"uid":"shipped","title":"S"}`)},
		},
	}
	load(t, l)
	for _, c := range []struct {
		object    document.Object
		folder    string
		overwrite bool
		want      error
		file      string
		version   int
	}{
		{document.Object{"uid": "new", "title": "New", "id": 7.0}, "", false, nil, "new.json", 1},
		{document.Object{"uid": "new", "title": "New", "version": 0.0}, "", false, ErrConflict, "", 0},
		{document.Object{"uid": "new", "title": "Newer", "version": 1.0}, "", false, nil, "new.json", 2},
		{document.Object{"uid": "new", "title": "Newest", "version": 1.0}, "", true, nil, "new.json", 3},
		{document.Object{"uid": "there", "title": "There", "version": 3.0}, "", false, nil, "team/there.json", 4},
		{document.Object{"uid": "second", "title": "Second"}, "team", false, nil, "team/second.json", 1},
		{document.Object{"uid": "shipped", "title": "My own"}, "", false, nil, "shipped.json", 1},
		{document.Object{"uid": "made", "title": "Made"}, "", true, ErrRefused, "", 0},
		{document.Object{"uid": "other", "title": "Other"}, "", false, ErrRefused, "", 0},
		{document.Object{"uid": "../evil", "title": "Evil"}, "", false, ErrRefused, "", 0},
		{document.Object{"uid": "evil", "title": "Evil"}, "..", false, ErrRefused, "", 0},
		{document.Object{"uid": "evil", "title": "Evil"}, "a/../../b", false, ErrRefused, "", 0},
		{document.Object{"uid": "evil", "title": "Evil"}, `a\b`, false, ErrRefused, "", 0},
		{document.Object{"uid": "evil", "title": "Evil"}, "vendor", false, ErrRefused, "", 0},
		{document.Object{"uid": "untitled"}, "", false, ErrRefused, "", 0},
	} {
		d, _, err := l.Save(t.Context(), c.object, c.folder, c.overwrite)
		if !errors.Is(err, c.want) {
			t.Errorf("%v in %q: %v, want %v", c.object, c.folder, err, c.want)
			continue
		}
		if err == nil && (d.File != c.file || d.Version() != c.version || d.JSON["id"] != nil) {
			t.Errorf("%v in %q: %s, version %d, want %s, %d", c.object, c.folder, d.File, d.Version(), c.file, c.version)
		}
	}
	data, err := os.ReadFile(filepath.Join(folder, "new.json"))
	if want := "{\n  \"title\": \"Newest\",\n  \"uid\": \"new\",\n  \"version\": 3\n}\n"; err != nil ||
		string(data) != want {
		t.Errorf("the file holds %s, %v", data, err)
	}
}

// A link takes no file out of the folder; a dashboard without a uid gets
// one; and without a folder there is nowhere to save to.
func TestSaveWhere(t *testing.T) {
	folder := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(folder, "away")); err != nil {
		t.Fatal(err)
	}
	l := &Library{Dir: folder}
	load(t, l)
	if _, _, err := l.Save(t.Context(), document.Object{"uid": "evil", "title": "Evil"}, "away", false); err == nil {
		t.Error("a link goes out of the folder")
	}
	d, _, err := l.Save(t.Context(), document.Object{"title": "Without uid"}, "", false)
	if err != nil || len(d.UID()) != 14 {
		t.Errorf("%+v, %v", d, err)
	}
	_, _, err = (&Library{}).Save(t.Context(), document.Object{"title": "x"}, "", false)
	if !errors.Is(err, ErrNoFolder) {
		t.Errorf("without a folder: %v", err)
	}
}

// Of two files with one uid the served one is changed, and never the other. What
// would not be read again under its own name gets another.
func TestSaveWhichFile(t *testing.T) {
	folder := folderOf(t, map[string]string{
		"a.json": `{"uid": "twice", "title": "A"}`, "b.json": `{"uid": "twice", "title": "B"}`,
	})
	l := &Library{Dir: folder}
	load(t, l)
	for i := range 40 {
		saved, _, err := l.Save(t.Context(), document.Object{"uid": "twice", "title": "C", "version": float64(i)}, "", false)
		if err != nil || saved.File != "a.json" {
			t.Fatalf("it is saved in %+v, %v", saved, err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(folder, "b.json")); err != nil || !strings.Contains(string(data), `"B"`) {
		t.Errorf("the other file holds %s, %v", data, err)
	}
	for _, uid := range []string{"jsonnetfile", "jsonnetfile.lock"} {
		saved, _, err := l.Save(t.Context(), document.Object{"uid": uid, "title": "Odd"}, "", false)
		if err != nil || saved == nil || saved.UID() != uid || saved.File != "dashboard-"+uid+".json" {
			t.Errorf("%s is saved in %+v, %v", uid, saved, err)
		}
	}
}
