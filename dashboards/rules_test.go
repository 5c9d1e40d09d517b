package dashboards_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/collector/origin"
)

func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	text, err := dashboards.AllRules()
	if err != nil {
		t.Fatal(err)
	}
	groups, faults := rulefmt.Parse([]byte(text), false, model.UTF8Validation, parser.NewParser(parser.Options{}))
	for _, fault := range faults {
		t.Fatal(fault)
	}
	var all []rulefmt.Rule
	for _, group := range groups.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

func metricsOf(t *testing.T, expr string) []string {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	var names []string
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if selector, ok := n.(*parser.VectorSelector); ok {
			names = append(names, selector.Name)
		}
		return nil
	})
	return names
}

func TestRulesUseWhatExists(t *testing.T) {
	known, err := origin.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	all := rules(t)
	recorded := map[string]bool{}
	for _, rule := range all {
		if rule.Record != "" {
			recorded[rule.Record] = true
		}
	}
	for _, rule := range all {
		for _, metric := range metricsOf(t, rule.Expr) {
			if _, ok := known[metric]; !ok && !recorded[metric] {
				t.Errorf("%s%s: no receiver sends %s and no rule records it", rule.Alert, rule.Record, metric)
			}
		}
	}
}

func TestAlertsSayWhatIsWrong(t *testing.T) {
	names := map[string]bool{}
	for _, rule := range rules(t) {
		if rule.Alert == "" {
			continue
		}
		if names[rule.Alert] {
			t.Errorf("%s is there twice", rule.Alert)
		}
		names[rule.Alert] = true
		if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s has no summary or no description", rule.Alert)
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) {
			t.Errorf("%s has severity %q", rule.Alert, rule.Labels["severity"])
		}
		if !strings.Contains(rule.Expr, "k8s_cluster_name") && !strings.Contains(rule.Expr, "cluster:") {
			t.Errorf("%s mixes clusters", rule.Alert)
		}
	}
}

// Recorded series are used by dashboards, and dashboards use no others.
func TestRecordedSeriesAreUsed(t *testing.T) {
	files, err := filepath.Glob("json/*.json")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`cluster:[a-z0-9_]+:[a-z0-9]+`).FindAllString(string(content), -1) {
			used[name] = true
		}
	}
	for _, rule := range rules(t) {
		if rule.Record != "" && !used[rule.Record] {
			t.Errorf("no dashboard uses %s", rule.Record)
		}
		delete(used, rule.Record)
	}
	for name := range used {
		t.Errorf("no rule records %s", name)
	}
}
