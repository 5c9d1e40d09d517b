package form

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

var names = map[Kind]string{Other: "other", Dashboard: "dashboard", Rules: "rules", Alerts: "alerts"}

// told is what a test says of a part.
func told(p Part) string {
	text := strings.TrimSpace(names[p.Kind] + " " + p.What)
	for _, further := range []string{p.Where, p.Name, p.Folder} {
		text += " | " + further
	}
	return strings.TrimRight(text, " |")
}

const (
	board = `{"title": "Nodes", "panels": []}`
	rules = "groups:\n- name: nodes\n  rules:\n  - {alert: Down, expr: up == 0}\n"
)

func zipped(text string) string {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := writer.Write([]byte(text)); err != nil {
		panic(err)
	}
	if err := writer.Close(); err != nil {
		panic(err)
	}
	return out.String()
}

func indented(text string, by int) string {
	return strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+strings.Repeat(" ", by))
}

// The inputs of testdata: a file, and what is found in it.
func TestRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil || len(archive.Files) != 2 {
			t.Fatalf("%s has %v, %v", file, archive, err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			finds(t, archive.Files[0].Name, string(archive.Files[0].Data), string(archive.Files[1].Data))
		})
	}
}

func finds(t *testing.T, file, text, want string) {
	t.Helper()
	parts, err := Read(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, p := range parts {
		got += told(p) + "\n"
		holds(t, p)
	}
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// What has another use is passed over, whatever it is.
func TestReadOthers(t *testing.T) {
	for _, text := range []string{
		"tcp: {8080: 'default/svc:9000'}\n", "a: .nan\n", "a: 1\na: 2\n", "",
		"apiVersion: v1\nkind: ConfigMap\ndata:\n  Caddyfile: |\n    {\n      email a@b\n    }\n  page: '{{ define }}'\n",
	} {
		parts, err := Read("a.yaml", []byte(text+"---\n"+rules))
		if err != nil || len(parts) == 0 || parts[len(parts)-1].Kind != Rules {
			t.Errorf("%s: %v, %v", text, parts, err)
		}
	}
}

// What Prometheus refuses beside the groups is left for it to refuse.
func TestReadKeepsMistakes(t *testing.T) {
	for file, text := range map[string]string{
		"a.yaml": "foo: 1\n" + rules, "a.json": `{"foo": 1, "groups": [{"name": "a", "rules": []}]}`,
	} {
		parts, err := Read(file, []byte(text))
		if err != nil || len(parts) != 1 || !strings.Contains(string(parts[0].Data), "foo") {
			t.Errorf("%s: %v, %v", file, parts, err)
		}
	}
}

// What cannot be written as a text.
func TestReadBytes(t *testing.T) {
	finds(t, "a.json", "\ufeff"+board, "dashboard dashboard\n")
	finds(t, "a.json.gz", zipped(board), "dashboard dashboard\n")
	finds(t, "a.yaml", "apiVersion: grafana.integreatly.org/v1beta1\nkind: GrafanaDashboard\nmetadata: {name: a}\n"+
		"spec: {gzipJson: "+base64.StdEncoding.EncodeToString([]byte(zipped(board)))+"}\n",
		"dashboard dashboard | GrafanaDashboard a, spec.gzipJson | a\n")
}

// What jsonnet yields: one thing, files by their names, or a text.
func TestEvaluated(t *testing.T) {
	for text, want := range map[string]string{
		board: "dashboard dashboard",
		`{"a.json": ` + board + `, "b.yaml": {"groups": [{"name": "a", "rules": []}]}}`: "dashboard dashboard" +
			" | a.json | a.json, rules rules | b.yaml | b.yaml",
		`"groups:\n- name: a\n  rules: []\n"`:               "rules rules",
		`{"groups": [{"name": "a", "rules": []}]}`:          "rules rules",
		`{"prometheusAlerts": {"groups": [{"name": "a"}]}}`: "rules rules | prometheusAlerts",
	} {
		parts, err := Evaluated("a.jsonnet", []byte(text))
		var got []string
		for _, p := range parts {
			got = append(got, told(p))
			if p.Lines {
				t.Errorf("%s has lines of a file", text)
			}
		}
		if err != nil || strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"{}", "42", `{"a": 1}`, `{"a.json": {"b": 1}}`, "[]"} {
		if parts, err := Evaluated("a.jsonnet", []byte(text)); err == nil {
			t.Errorf("%s is read as %v", text, parts)
		}
	}
}

// holds looks into the data of a part with those who read it.
func holds(t *testing.T, p Part) {
	t.Helper()
	switch p.Kind {
	case Dashboard:
		if d, err := document.Parse("x.json", p.Data); err != nil || d.Title() != "Nodes" {
			t.Errorf("%s: %v", p.Data, err)
		}
	case Rules:
		if _, errs := rulefmt.Parse(p.Data, false, model.UTF8Validation, parser.NewParser(parser.Options{})); len(errs) > 0 {
			t.Errorf("%s: %v", p.Data, errs)
		}
	}
}

// A line of a part with Lines is the same line of the file, wherever it is kept.
func TestLines(t *testing.T) {
	for name, text := range map[string]string{
		"alone":  "# a comment\n\n" + rules,
		"second": rules + "---\n# here\n" + rules,
		"PrometheusRule": "apiVersion: a\nkind: PrometheusRule\nmetadata: {name: a}\nspec:\n  " + indented(rules, 2) +
			"\n  more: x\n",
		"list": "apiVersion: a\nkind: List\nitems:\n- apiVersion: a\n  kind: PrometheusRule\n  spec:\n    " +
			indented(rules, 4) + "\n- apiVersion: a\n  kind: PrometheusRule\n  spec:\n    " + indented(rules, 4) + "\n",
		"ConfigMap": "apiVersion: v1\nkind: ConfigMap\ndata:\n  other.yaml: |\n    a: b\n  rules.yaml: |\n    # one\n    " +
			indented(rules, 4) + "\n",
		"values": "a: b\nb:\n  c:\n    " + indented(rules, 4) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			parts, err := Read("values.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			seen := map[int]bool{}
			for _, p := range parts {
				if p.Kind != Rules || !p.Lines {
					t.Fatalf("%s: %+v", told(p), p)
				}
				at := strings.Count(string(p.Data[:bytes.Index(p.Data, []byte("up == 0"))]), "\n")
				if line := strings.Split(text, "\n")[at]; !strings.Contains(line, "up == 0") || seen[at] {
					t.Errorf("%s has it in line %d, which is %q", told(p), at+1, line)
				}
				seen[at] = true
			}
			if want := strings.Count(text, "up == 0"); len(parts) != want {
				t.Errorf("%d parts, want %d", len(parts), want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"nothing":     {"a.json", " \n", "a.json:1:1: is empty"},
		"JSON":        {"a.json", "{\n  \"a\": x}", "a.json:2:8: no JSON"},
		"an array":    {"a.json", "[\n  x]", "a.json:2:3: no JSON"},
		"YAML":        {"a.yaml", "a: b\nc: d: e\n", "a.yaml:2: no YAML: mapping values are not allowed"},
		"a text":      {"a.json", `"x"`, "a.json:1:1: is no JSON object"},
		"no archive":  {"a.json.gz", "x", "a.json.gz: cannot be unpacked"},
		"half of one": {"a.json.gz", zipped(board)[:30], "a.json.gz: cannot be unpacked"},
		"in a map": {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  x.json: |\n    {\n" +
			"      \"a\": x\n    }\n", "a.yaml:7:8: ConfigMap m, x.json: no JSON"},
		"no base64": {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\nbinaryData: {x.json: '*'}\n",
			"a.yaml: ConfigMap m, x.json: no base64"},
		"no gzip": {"a.yaml", "apiVersion: a\nkind: GrafanaDashboard\nmetadata: {name: m}\nspec: {gzipJson: eA==}\n",
			"a.yaml: GrafanaDashboard m, spec.gzipJson: cannot be unpacked"},
		"no dashboards": {"a.json", `{"grafanaDashboards": {"a.json": 1}}`, `a.json: "a.json" is no dashboard`},
	} {
		t.Run(name, func(t *testing.T) {
			parts, err := Read(c.file, []byte(c.text))
			var wrong *document.FileError
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), c.want) || len(parts) > 0 {
				t.Errorf("%v, %v; want %s", parts, err, c.want)
			}
		})
	}
}

func TestForeignFields(t *testing.T) {
	text := "namespace: x\ngroups:\n- name: a\n  source_tenants: [b]\n  rules: [{record: c, expr: up}]\n"
	parts, err := Read("a.yaml", []byte(text))
	if err != nil || len(parts) != 1 || len(parts[0].Notes) != 2 {
		t.Fatalf("%+v, %v", parts, err)
	}
	holds(t, parts[0])
}

// Whatever a file has, it is read or refused.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		board, rules, "[" + board + "]", "a: &a [*a]", "a: {b: !!binary x}", "? [a]\n: b", "a: .nan", "- - - a",
	} {
		f.Add("values.yaml", text)
		f.Add("a.json", text)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		parts, err := Read(name, []byte(text))
		var wrong *document.FileError
		if err != nil && !errors.As(err, &wrong) {
			t.Errorf("%v is no error of a file", err)
		}
		for _, p := range parts {
			if p.Kind != Other && p.Data == nil {
				t.Errorf("a part without data: %+v", p)
			}
		}
	})
}
