package check

import (
	"bytes"
	"strings"
	"testing"
)

// What a folder holds in other forms than plain files is checked, with its part
// named; what else is there is counted.
func TestForms(t *testing.T) {
	dir := filesIn(t, map[string]string{
		"boards.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: boards, namespace: shop}\ndata:\n  up.json: |\n" +
			`    {"title": "Up", "panels": [{"id": 1, "type": "stat", "targets": [{"refId": "A", "expr": "nowhere"}]}]}` +
			"\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n",
		"rules.yaml": "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: alerts}\nspec:\n" +
			"  groups:\n  - name: g\n    rules:\n    - {alert: Gone, expr: absent(nowhere)}\n    - {alert: Bad, expr: sum(}\n",
		"mimir.yaml":    "namespace: x\ngroups:\n- name: m\n  rules:\n  - {record: 'a:b', expr: nowhere}\n",
		"template.yaml": "{{- if .Values.x }}\nkind: {{ .Values.kind }}\n{{- end }}\n",
	})
	var s Sources
	if err := s.Load(t.Context(), []string{dir}, nil, evaluate); err != nil {
		t.Fatal(err)
	}
	want := dir + "/rules.yaml:9:"
	if len(s.Problems) != 1 || !strings.HasPrefix(s.Problems[0], want) ||
		!strings.Contains(s.Problems[0], "PrometheusRule alerts: ") {
		t.Errorf("the problems are %q, want one at %s", s.Problems, want)
	}
	report, err := Run(t.Context(), Options{
		Prometheus: startCorpus(t), Dashboards: s.Dashboards, Rules: s.Rules, Passed: s.Passed, ScrapeInterval: every,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) != 1 || report.Results[0].Part != "document 1, ConfigMap shop/boards, up.json" {
		t.Errorf("the results are %+v", report.Results)
	}
	if len(report.Rules) != 1 || len(report.Rules[0].Notes) == 0 || report.Rules[0].Notes[0].Kind != "foreign" {
		t.Errorf("the rules are %+v", report.Rules)
	}
	var out bytes.Buffer
	if err := report.WriteTable(&out, true); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"boards.yaml (document 1, ConfigMap shop/boards, up.json)", "Prometheus refuses the field namespace",
		"passed over, neither dashboards nor rules: 1 Deployment, 1 Helm template",
		"boards.yaml (document 2, Deployment web): Deployment",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the report does not say %q:\n%s", part, out.String())
		}
	}
}
