package form

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// parts says what the thing is, or what it holds.
func (t thing) parts() ([]Part, error) {
	o := t.object
	switch {
	case isDashboard(o) && (t.node == nil || o["panels"] != nil || o["rows"] != nil || o["apiVersion"] != nil):
		return t.dashboard("dashboard")
	case o.Text("kind") != "" && o.Text("apiVersion") != "":
		return t.kubernetes()
	case o["grafanaDashboards"] != nil, o["prometheusAlerts"] != nil, o["prometheusRules"] != nil:
		return t.mixin()
	case o["groups"] != nil && o.Object("groups") == nil && o["tests"] == nil:
		return t.groups("rules", "groups")
	case o["data"] != nil && o["condition"] != nil:
		return t.alerts(asGroups([]document.Object{o}))
	}
	if what := elsewhere(o, path.Base(t.file)); what != "" {
		return t.other(what), nil
	}
	if isValues(path.Base(t.file)) {
		return t.values("Helm values")
	}
	return t.other(""), nil
}

// isDashboard tells what document.Parse takes for a dashboard.
func isDashboard(o document.Object) bool {
	if inner := o.Object("dashboard"); inner != nil && o["panels"] == nil {
		return isDashboard(inner)
	}
	if strings.HasPrefix(o.Text("apiVersion"), "dashboard.grafana.app/") {
		return o.Text("kind") == "Dashboard" || o.Text("kind") == ""
	}
	if o.Object("elements") != nil && o.Object("layout") != nil {
		return true
	}
	_, panels := o["panels"]
	_, rows := o["rows"]
	_, title := o["title"]
	return o["kind"] == nil && o["data"] == nil && (panels || rows || title && o["type"] == nil)
}

func (t thing) dashboard(what string) ([]Part, error) {
	data, err := json.Marshal(t.object)
	if err != nil {
		return nil, document.FileErrorf(t.file, "%s", err)
	}
	p := t.part(Dashboard, what, data)
	p.Lines = false
	return []Part{p}, nil
}

// known are the files that lie next to dashboards and rules, by the keys that they have.
var known = []struct {
	what string
	keys []string
}{
	{"promtool test", []string{"tests"}},
	{"collector configuration", []string{"receivers", "service"}},
	{"Alertmanager configuration", []string{"route", "receivers"}},
	{"Prometheus configuration", []string{"scrape_configs"}},
	{"Prometheus configuration", []string{"global", "rule_files"}},
	{"data sources of Grafana", []string{"datasources"}},
	{"dashboard providers of Grafana", []string{"providers"}},
	{"contact points of Grafana", []string{"contactPoints"}},
	{"notification policies of Grafana", []string{"policies"}},
	{"mute timings of Grafana", []string{"muteTimes"}},
	{"kustomization", []string{"resources"}},
}

// elsewhere names what has another use, and is neither dashboard nor rules; empty if it is not known.
func elsewhere(o document.Object, base string) string {
	switch {
	case base == "Chart.yaml":
		return "Helm chart"
	case strings.HasPrefix(base, "docker-compose") || strings.HasPrefix(base, "compose."):
		return "compose file"
	case base == "package.json" || base == "package-lock.json":
		return "npm package"
	}
	for _, k := range known {
		if !slices.ContainsFunc(k.keys, func(key string) bool { return o[key] == nil }) {
			return k.what
		}
	}
	return ""
}

func isValues(base string) bool {
	return strings.Contains(base, "values") && path.Ext(base) != ".json"
}

// mixin reads what a mixin yields when it is evaluated.
func (t thing) mixin() ([]Part, error) {
	var all []Part
	boards := t.object.Object("grafanaDashboards")
	for _, key := range sortedKeys(boards) {
		inner := t.inside(key, boards.Object(key), child(t.node, "grafanaDashboards", key))
		inner.name = key
		if inner.object == nil {
			return all, document.FileErrorf(t.file, "%q is no dashboard", key)
		}
		parts, err := inner.dashboard("dashboard")
		if err != nil {
			return all, err
		}
		all = append(all, parts...)
	}
	for _, key := range []string{"prometheusRules", "prometheusAlerts"} {
		if rules := t.object.Object(key); rules.List("groups") != nil {
			parts, err := t.inside(key, rules, child(t.node, key)).groups("rules", "groups")
			if err != nil {
				return all, err
			}
			all = append(all, parts...)
		}
	}
	return all, nil
}

// files reads an object whose fields are files: objects, or texts of them.
func (t thing) files() ([]Part, error) {
	if len(t.object) == 0 {
		return nil, document.FileErrorf(t.file, "has no dashboards and no rules")
	}
	var all []Part
	for _, key := range sortedKeys(t.object) {
		inner := t.inside(key, t.object.Object(key), nil)
		inner.name = key
		var parts []Part
		var err error
		switch {
		case inner.object != nil:
			parts, err = inner.parts()
		case t.object.Text(key) != "":
			parts, err = t.embedded(key, key, t.object.Text(key), nil)
		}
		if err != nil {
			return all, err
		}
		if len(parts) == 0 || parts[0].Kind == Other && parts[0].What == "" {
			return all, document.FileErrorf(t.file, "%q is no dashboard, and has no rules", key)
		}
		all = append(all, parts...)
	}
	return all, nil
}
