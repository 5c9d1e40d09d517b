package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diorama-lab/diorama/internal/golden"
)

// TestMigration holds still what old panels become: testdata/old holds
// dashboards as older versions and v2 resources write them.
func TestMigration(t *testing.T) {
	files, err := filepath.Glob("testdata/old/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Parse(name, data)
			if err != nil {
				t.Fatal(err)
			}
			golden.JSON(t, "testdata/migrated/"+name, d.JSON)
			again, err := FromObject(name, d.JSON.Copy())
			if err != nil {
				t.Fatal(err)
			}
			first, second := encoded(t, d.JSON), encoded(t, again.JSON)
			if !bytes.Equal(first, second) {
				t.Errorf("migrating again changes it:\n%s\n%s", first, second)
			}
		})
	}
}

func encoded(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The forms that a file may have, other than plain JSON.
func TestWrapped(t *testing.T) {
	for name, text := range map[string]string{
		"plain": `{"uid":"w","title":"W","panels":[]}`,
		"API":   `{"dashboard":{"uid":"w","title":"W","panels":[]},"meta":{}}`,
		"resource": `{"apiVersion":"dashboard.grafana.app/v1beta1","kind":"Dashboard","metadata":{"name":"w"},` +
			`"spec":{"title":"W","panels":[]}}`,
		"v2": `{"apiVersion":"dashboard.grafana.app/v2beta1","kind":"Dashboard","metadata":{"name":"w"},` +
			`"spec":{"title":"W","elements":{},"layout":{"kind":"GridLayout","spec":{"items":[]}}}}`,
		"BOM":     "\xef\xbb\xbf" + `{"uid":"w","title":"W"}`,
		"by file": `{"title":"W"}`,
	} {
		d, err := Parse("w.json", []byte(text))
		if err != nil || d.UID() != "w" || d.Title() != "W" {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// Bad input is reported with its place, and nothing is taken from it.
func TestBadInput(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "bad.json:1:1: is empty"},
		{"{\n  \"title\": \"x\",\n  oops\n}",
			"bad.json:3:3: no JSON: invalid character 'o' looking for beginning of object key string"},
		{`{"title": "x"`, "bad.json:1:13: the JSON ends in the middle"},
		{`{"title": "x"} {}`, "bad.json:1:"},
		{`[1]`, "bad.json:1:1: is no JSON object; a dashboard is one"},
		{`"text"`, "bad.json:1:1: is no JSON object"},
		{`{"name": "jsonnet"}`, "bad.json: is JSON, but no dashboard"},
		{`{"uid": "../../etc/passwd", "title": "x"}`, `bad.json: uid "../../etc/passwd": use 1 to 100 letters`},
		{`{"uid": ".hidden", "title": "x"}`, `bad.json: uid ".hidden"`},
		{`{"uid": "` + strings.Repeat("x", 101) + `", "title": "x"}`, "use 1 to 100 letters"},
		{`{"apiVersion": "dashboard.grafana.app/v1", "metadata": {}}`, "without a spec"},
		{strings.Repeat("[", 20_000), "bad.json:1:10001: no JSON: invalid character '[' exceeded max depth"},
		{`{"title": "` + strings.Repeat("x", MaxBytes) + `"}`, "bad.json: is 20 MB large; a dashboard may have 20 MB"},
	} {
		d, err := Parse("bad.json", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, %v, want %s", c.text, d, err, c.want)
		}
		var wrong *FileError
		if !errors.As(err, &wrong) || wrong.File != "bad.json" {
			t.Errorf("%.40q: the error does not name the file: %v", c.text, err)
		}
	}
}

// A dashboard near the limit is read.
func TestLargeDashboard(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"uid":"large","title":"Large","panels":[`)
	for i := 0; text.Len() < MaxBytes-2000; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteString(`{"type":"timeseries","title":"` + strings.Repeat("x", 1000) + `","targets":[{"expr":"up"}]}`)
	}
	text.WriteString("]}")
	d, err := Parse("large.json", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	panels := d.Panels()
	if last := panels[len(panels)-1]; last.ID() != len(panels) || last.Targets()[0].RefID() != "A" {
		t.Errorf("the last of %d panels is %d", len(panels), last.ID())
	}
}

// A dashboard without a uid has one of its path, which no other path has.
func TestUIDOf(t *testing.T) {
	if uid := UIDOf("Nodes_1-a.json"); uid != "Nodes_1-a" {
		t.Errorf("a plain name becomes %q", uid)
	}
	long := strings.Repeat("long", 20)
	seen := map[string]string{}
	for _, file := range []string{
		"nodes.json", "k8s.nodes.json", "k8s.pods.json", "k8s-nodes.json", "a/dashboard.json", "b/dashboard.json",
		"a/nodes.json", "a-nodes.json", "a.nodes.json", "a nodes.json", "My nodes.json", "节点.json", "容器.json", "é.json",
		long + "1.json", long + "2.json", "...json",
	} {
		uid := UIDOf(file)
		if !validUID(uid) || len(uid) > 40 || strings.Contains(uid, ".") || uid != UIDOf(file) {
			t.Errorf("%s has the uid %q", file, uid)
		}
		if other, taken := seen[uid]; taken {
			t.Errorf("%s and %s have the uid %q", file, other, uid)
		}
		seen[uid] = file
	}
}
