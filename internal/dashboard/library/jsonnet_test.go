package library

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// jobEnv makes this test binary evaluate jsonnet as the child of Command does.
const jobEnv = "DIORAMA_LIBRARY_TEST_JOB"

func TestMain(m *testing.M) {
	if os.Getenv(jobEnv) != "" {
		serveJob()
		return
	}
	goleak.VerifyTestMain(m)
}

// serveJob is what the hidden command does.
func serveJob() {
	job, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	result, err := ServeJob(job)
	if err != nil {
		panic(err)
	}
	if _, err := os.Stdout.Write(result); err != nil {
		panic(err)
	}
}

// inChild evaluates in a process of this test binary, as Command does in one
// of diorama's.
func inChild(t *testing.T, patience time.Duration) Evaluator {
	t.Helper()
	t.Setenv(jobEnv, "1")
	return func(ctx context.Context, job JsonnetJob) (JsonnetResult, error) {
		return evaluateIn(ctx, job, patience, os.Args[0])
	}
}

// folderOf makes files below a new folder.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		rewrite(t, folder, name, text)
	}
	return folder
}

func rewrite(t *testing.T, folder, name, text string) {
	t.Helper()
	file := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, l *Library) {
	t.Helper()
	if _, err := l.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func uids(l *Library) string {
	var all []string
	for _, d := range l.List() {
		all = append(all, d.UID())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// Mixins, single dashboards and objects of them, with imports from next to the
// file, from vendor folders and from -J paths.
func TestJsonnet(t *testing.T) {
	further := folderOf(t, map[string]string{"lib/further.libsonnet": `{title: 'from -J'}`})
	folder := folderOf(t, map[string]string{
		"one.jsonnet":                   `(import 'beside.libsonnet') + (import 'vendored/lib.libsonnet') + {uid: 'one'}`,
		"beside.libsonnet":              `{title: 'Beside', panels: []}`,
		"vendor/vendored/lib.libsonnet": `{tags: ['vendored']}`,
		"deep/er/two.jsonnet": `{'two.json': (import 'vendored/lib.libsonnet') + (import ` +
			`'lib/further.libsonnet'), 'three.json': {title: 'Three', uid: 'third'}}`,
		"mixins/mixin.libsonnet": `{_config:: {}, grafanaDashboards+:: {'four.json': {title: 'Four'}}, ` +
			`prometheusAlerts+:: {groups: []}, helper(x):: x}`,
		"vendor/ignored.jsonnet":  `error 'vendor folders are not searched'`,
		".hidden/ignored.jsonnet": `error 'hidden folders are not searched'`,
		"lib.libsonnet":           `error 'libraries are not dashboards'`,
		"jsonnetfile.json":        `{"version": 1}`,
		"package.json":            `{"name": "no dashboard"}`,
	})
	l := &Library{Dir: folder, Paths: []string{further}, Evaluate: inChild(t, time.Minute)}
	load(t, l)
	if got := uids(l); got != "four one third two" {
		t.Errorf("dashboards %s; errors %v", got, l.Errors())
	}
	one, _ := l.Get("one")
	two, _ := l.Get("two")
	if !slices.Equal(one.Tags(), []string{"vendored"}) || two.Title() != "from -J" || two.Folder != "deep" ||
		one.Folder != "" {
		t.Errorf("%+v %+v", one, two)
	}
	if folders := l.Folders(); !slices.Equal(folders, []string{"deep", "mixins"}) {
		t.Errorf("folders %q", folders)
	}
}

// Jsonnet that is wrong is reported with its place; jsonnet that misbehaves is
// ended, and the other dashboards are there.
func TestBadJsonnet(t *testing.T) {
	outside := folderOf(t, map[string]string{"secret.libsonnet": `{title: 'secret'}`})
	for name, c := range map[string]struct{ text, want string }{
		"syntax":   {"{\n  title: 'x',\n  oops oops\n}", "bad.jsonnet:3:8: Expected token"},
		"runtime":  {"{\n  title: error 'no title',\n}", "bad.jsonnet:2:10: no title"},
		"imported": {"import 'broken.libsonnet'", "broken.libsonnet:1:2: Unexpected"},
		"missing":  {"import 'nowhere.libsonnet'", "there is no such file"},
		"outside":  {"import '" + outside + "/secret.libsonnet'", "leaves the folders that imports may come from"},
		"upwards":  {"import '../../../../../../../../../../../../../../../etc/passwd'", "leaves the folders"},
		"link":     {"import 'link.libsonnet'", "leaves the folders"},
		"text":     {"importstr '" + outside + "/secret.libsonnet'", "leaves the folders"},
		"loop":     {"local f(n) = f(n + 1); {title: f(0)}", "max stack frames exceeded"},
		"forever":  {"local f(n) = f(n + 1) tailstrict; {title: f(0)}", "took longer than"},
		"itself":   {"import 'bad.jsonnet'", "max stack frames exceeded"},
		"number":   {"42", "is no JSON object"},
		"nothing":  {"{}", "has no dashboards"},
		"function": {"{title: function(x) x}", "function"},
		"no board": {"{a: 1}", `"a" is no dashboard`},
	} {
		t.Run(name, func(t *testing.T) {
			folder := folderOf(t, map[string]string{
				"bad.jsonnet": c.text, "good.json": `{"title": "Good"}`, "broken.libsonnet": "{]",
			})
			if err := os.Symlink(filepath.Join(outside, "secret.libsonnet"),
				filepath.Join(folder, "link.libsonnet")); err != nil {
				t.Fatal(err)
			}
			patience := time.Minute
			if name == "forever" {
				patience = time.Second
			}
			l := &Library{Dir: folder, Evaluate: inChild(t, patience)}
			load(t, l)
			if got := uids(l); got != "good" {
				t.Errorf("dashboards %s", got)
			}
			if errs := l.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want) {
				t.Errorf("errors %v, want %s", errs, c.want)
			}
		})
	}
}

// An evaluation that takes too much memory ends with an error.
func TestGreedyJsonnet(t *testing.T) {
	folder := folderOf(t, map[string]string{"bad.jsonnet": `local f(s) = f(s + s) tailstrict; {title: f('0123456789')}`})
	child := inChild(t, time.Minute)
	l := &Library{Dir: folder, Evaluate: func(ctx context.Context, job JsonnetJob) (JsonnetResult, error) {
		job.Memory = 64 << 20
		return child(ctx, job)
	}}
	load(t, l)
	if errs := l.Errors(); len(errs) != 1 || errs[0].Message != "the evaluation takes more than 64 MB" {
		t.Errorf("errors %v", errs)
	}
}

// Whoever has no evaluator says so of each file.
func TestNoEvaluator(t *testing.T) {
	l := &Library{Dir: folderOf(t, map[string]string{"a.jsonnet": `{title: 'x'}`})}
	load(t, l)
	if errs := l.Errors(); len(errs) != 1 || errs[0].Message != "jsonnet is not evaluated here" {
		t.Errorf("errors %v", errs)
	}
}
