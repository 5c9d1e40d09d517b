package form

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

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

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		want       []string
	}{
		"a dashboard":             {"a.json", board, []string{"dashboard dashboard"}},
		"behind a mark":           {"a.json", "\ufeff" + board, []string{"dashboard dashboard"}},
		"compressed":              {"a.json.gz", zipped(board), []string{"dashboard dashboard"}},
		"as it is posted":         {"a.json", `{"dashboard": ` + board + `, "overwrite": true}`, []string{"dashboard dashboard"}},
		"as it is answered":       {"a.json", `{"meta": {}, "dashboard": ` + board + `}`, []string{"dashboard dashboard"}},
		"an array of dashboards":  {"a.json", "[" + board + "," + board + "]", []string{"dashboard dashboard | item 1", "dashboard dashboard | item 2"}},
		"a resource":              {"a.json", `{"apiVersion": "dashboard.grafana.app/v1beta1", "kind": "Dashboard", "spec": ` + board + `}`, []string{"dashboard dashboard"}},
		"a resource in YAML":      {"a.yaml", "apiVersion: dashboard.grafana.app/v1beta1\nkind: Dashboard\nspec: " + board + "\n", []string{"dashboard dashboard"}},
		"rules":                   {"a.yaml", rules, []string{"rules rules"}},
		"rules with a quoted key": {"a.yml", `"groups":` + strings.TrimPrefix(rules, "groups:"), []string{"rules rules"}},
		"rules in JSON":           {"a.json", `{"groups": [{"name": "x", "rules": []}]}`, []string{"rules rules"}},
		"rules by their name":     {"a.rules", rules, []string{"rules rules"}},
		"rules in two documents":  {"a.yaml", rules + "---\n" + rules, []string{"rules rules | document 1", "rules rules | document 2"}},
		"rules of Mimir":          {"a.yaml", "namespace: x\n" + rules, []string{"rules rules"}},
		"a PrometheusRule": {"a.yaml", "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a, namespace: b}\nspec:\n  " +
			indented(rules, 2) + "\n", []string{"rules PrometheusRule | PrometheusRule b/a | a"}},
		"a list of rules": {"a.yaml", "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRuleList\nitems:\n- apiVersion: monitoring.coreos.com/v1\n  kind: PrometheusRule\n" +
			"  metadata: {name: a}\n  spec:\n    " + indented(rules, 4) + "\n", []string{"rules PrometheusRule | item 1, PrometheusRule a | a"}},
		"a ConfigMap": {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {grafana_folder: Ops}}\ndata:\n  nodes.json: |\n    " + board +
			"\n  nodes.yaml: |\n    " + indented(rules, 4) + "\n  nginx.conf: x\n", []string{
			"dashboard dashboard | ConfigMap a, nodes.json | nodes.json | Ops", "rules rules | ConfigMap a, nodes.yaml | nodes.yaml | Ops"}},
		"a ConfigMap of others": {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x.yaml: '{{'}\n", []string{"other ConfigMap | ConfigMap a | a"}},
		"a Secret":              {"a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {x.json: '" + board + "'}\n", []string{"other Secret | Secret a | a"}},
		"a Secret of dashboards": {"a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {grafana_dashboard: '1'}}\ndata: {x.json: " +
			base64.StdEncoding.EncodeToString([]byte(board)) + "}\n", []string{"dashboard dashboard | Secret a, x.json | x.json"}},
		"a template of OpenShift": {"a.yaml", "apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: {name: a}\nobjects:\n- apiVersion: v1\n  kind: ConfigMap\n" +
			"  metadata: {name: b}\n  data:\n    x.json: |\n      " + board + "\n", []string{"dashboard dashboard | Template a, item 1, ConfigMap b, x.json | x.json"}},
		"a GrafanaDashboard": {"a.yaml", "apiVersion: grafana.integreatly.org/v1beta1\nkind: GrafanaDashboard\nmetadata: {name: a}\nspec:\n  folder: Ops\n  json: |\n    " +
			board + "\n", []string{"dashboard dashboard | GrafanaDashboard a, spec.json | a | Ops"}},
		"a compressed GrafanaDashboard": {"a.yaml", "apiVersion: grafana.integreatly.org/v1beta1\nkind: GrafanaDashboard\nmetadata: {name: a}\nspec: {gzipJson: " +
			base64.StdEncoding.EncodeToString([]byte(zipped(board))) + "}\n", []string{"dashboard dashboard | GrafanaDashboard a, spec.gzipJson | a"}},
		"a GrafanaDashboard from elsewhere": {"a.yaml", "apiVersion: grafana.integreatly.org/v1beta1\nkind: GrafanaDashboard\nmetadata: {name: a}\nspec: {url: x}\n",
			[]string{"other GrafanaDashboard that points elsewhere | GrafanaDashboard a | a"}},
		"values of a release": {"a.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec:\n  values:\n    grafana:\n      dashboards:\n" +
			"        ops:\n          nodes:\n            json: |\n              " + board + "\n    additionalPrometheusRulesMap:\n      mine:\n        " + indented(rules, 8) + "\n",
			[]string{"rules rules | HelmRelease a, additionalPrometheusRulesMap.mine | mine",
				"dashboard dashboard | HelmRelease a, grafana.dashboards.ops.nodes, json | nodes"}},
		"values of a chart":       {"values.yaml", "serverFiles:\n  alerting_rules.yml:\n    " + indented(rules, 4) + "\n", []string{"rules rules | serverFiles.alerting_rules.yml | alerting_rules.yml"}},
		"values with nothing":     {"values-prod.yaml", "replicas: 2\n", []string{"other Helm values"}},
		"a template":              {"templates/a.yaml", "{{- if .Values.x }}\na: {{ .Values.b }}\n{{ end }}\n", []string{"other Helm template"}},
		"a test of rules":         {"a.yaml", "rule_files: [a.yaml]\ntests: []\ngroups: []\n", []string{"other promtool test"}},
		"a Deployment":            {"a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n", []string{"other Deployment | Deployment x | x"}},
		"a collector":             {"a.yaml", "receivers: {}\nservice: {}\n", []string{"other collector configuration"}},
		"data sources":            {"a.yaml", "apiVersion: 1\ndatasources: []\n", []string{"other data sources of Grafana"}},
		"a form of an issue":      {"a.yml", "name: Bug\ntitle: 'Bug: '\nbody: []\n", []string{"other"}},
		"alerts of Grafana":       {"a.yaml", "apiVersion: 1\ngroups:\n- name: a\n  rules: [{title: x, condition: A, data: [{refId: A}]}]\n", []string{"alerts alert rules of Grafana"}},
		"alerts of Grafana's API": {"a.json", `[{"ruleGroup": "a", "condition": "A", "data": [{"refId": "A"}]}]`, []string{"alerts alert rules of Grafana"}},
		"what jsonnet yields": {"mixin.libsonnet", `{"grafanaDashboards": {"nodes.json": ` + board + `}, "prometheusAlerts": {"groups": [{"name": "a", "rules": []}]}}`,
			[]string{"dashboard dashboard | nodes.json | nodes.json", "rules rules | prometheusAlerts"}},
	} {
		t.Run(name, func(t *testing.T) {
			parts, err := Read(c.file, []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range parts {
				got = append(got, told(p))
				holds(t, p)
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
		})
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
		"alone":          "# a comment\n\n" + rules,
		"second":         rules + "---\n# here\n" + rules,
		"PrometheusRule": "apiVersion: a\nkind: PrometheusRule\nmetadata: {name: a}\nspec:\n  " + indented(rules, 2) + "\n  more: x\n",
		"list": "apiVersion: a\nkind: List\nitems:\n- apiVersion: a\n  kind: PrometheusRule\n  spec:\n    " +
			indented(rules, 4) + "\n- apiVersion: a\n  kind: PrometheusRule\n  spec:\n    " + indented(rules, 4) + "\n",
		"ConfigMap": "apiVersion: v1\nkind: ConfigMap\ndata:\n  other.yaml: |\n    a: b\n  rules.yaml: |\n    # first\n    " +
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
		"nothing":       {"a.json", " \n", "a.json:1:1: is empty"},
		"JSON":          {"a.json", "{\n  \"a\": x}", "a.json:2:8: no JSON"},
		"an array":      {"a.json", "[\n  x]", "a.json:2:3: no JSON"},
		"YAML":          {"a.yaml", "a: b\nc: d: e\n", "a.yaml:2:1: no YAML: mapping values are not allowed"},
		"no archive":    {"a.json.gz", "x", "a.json.gz: cannot be unpacked"},
		"half of one":   {"a.json.gz", zipped(board)[:30], "a.json.gz: cannot be unpacked"},
		"in a map":      {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  x.json: |\n    {\n      \"a\": x\n    }\n", "a.yaml:7:8: ConfigMap m, x.json: no JSON"},
		"no base64":     {"a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\nbinaryData: {x.json: '*'}\n", "a.yaml: ConfigMap m, x.json: no base64"},
		"no gzip":       {"a.yaml", "apiVersion: a\nkind: GrafanaDashboard\nmetadata: {name: m}\nspec: {gzipJson: eA==}\n", "a.yaml: GrafanaDashboard m, spec.gzipJson: cannot be unpacked"},
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
	for _, text := range []string{board, rules, "[" + board + "]", "a: &a [*a]", "a: {b: !!binary x}", "? [a]\n: b", "a: .nan", "- - - a"} {
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
