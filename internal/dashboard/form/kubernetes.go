package form

import (
	"encoding/base64"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// kubernetes reads an object of Kubernetes, of which some carry dashboards and rules.
func (t thing) kubernetes() ([]Part, error) {
	kind, spec := t.object.Text("kind"), t.object.Object("spec")
	t.name = t.object.Object("metadata").Text("name")
	t.where = append(t.where[:len(t.where):len(t.where)], strings.TrimSpace(kind+" "+t.fullName()))
	switch kind {
	case "List", "ConfigMapList", "PrometheusRuleList", "GrafanaDashboardList", "SecretList", "DashboardList":
		t.where = t.where[:len(t.where)-1]
		return t.list()
	case "Template": // OpenShift's
		t.object = document.Object{"items": t.object["objects"]}
		t.node = renamed(t.node, "objects")
		return t.list()
	case "ConfigMap", "Secret":
		return t.configMap(kind)
	case "PrometheusRule", "VMRule", "Rules", "ClusterRules", "GlobalRules":
		inner := t
		inner.object, inner.node = spec, child(t.node, "spec")
		return inner.groups(kind, "groups")
	case "GrafanaAlertRuleGroup":
		return t.alerts([]document.Object{{"name": t.name, "rules": spec["rules"], "interval": spec["interval"]}})
	case "GrafanaDashboard":
		return t.grafanaDashboard(spec)
	case "HelmRelease", "HelmChartConfig", "Application":
		return t.release(kind, spec)
	}
	return t.other(kind), nil
}

func (t thing) fullName() string {
	metadata := t.object.Object("metadata")
	if namespace := metadata.Text("namespace"); namespace != "" {
		return namespace + "/" + metadata.Text("name")
	}
	return metadata.Text("name")
}

// renamed is a mapping of the value of one key, as items.
func renamed(node *yaml.Node, key string) *yaml.Node {
	value := child(node, key)
	if value == nil {
		return nil
	}
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "items"}, value}}
}

// folderAnnotations are those by which the sidecars that load dashboards into Grafana choose the folder.
var folderAnnotations = []string{"grafana_folder", "grafana_dashboard_folder", "k8s-sidecar-target-directory",
	"grafana-folder", "grafana.com/folder"}

// configMap reads the texts of a ConfigMap. Those of a Secret are read where a label says that they are dashboards:
// others are nobody's to look at.
func (t thing) configMap(kind string) ([]Part, error) {
	metadata := t.object.Object("metadata")
	for _, key := range folderAnnotations {
		if folder := metadata.Object("annotations").Text(key); folder != "" {
			t.folder = path.Base(folder)
		}
	}
	if kind == "Secret" && metadata.Object("labels")["grafana_dashboard"] == nil {
		return t.other(kind), nil
	}
	var all []Part
	for _, field := range []string{"data", "stringData", "binaryData"} {
		texts := t.object.Object(field)
		for _, key := range sortedKeys(texts) {
			text := texts.Text(key)
			if field == "binaryData" || field == "data" && kind == "Secret" {
				plain, err := base64.StdEncoding.DecodeString(text)
				if err != nil {
					return all, document.FileErrorf(t.file, "%s, %s: no base64: %s", strings.Join(t.where, ", "), key, err)
				}
				text = string(plain)
			}
			parts, err := t.embedded(key, key, text, child(t.node, field, key))
			if err != nil {
				return all, err
			}
			all = append(all, parts...)
		}
	}
	if len(all) == 0 {
		return t.other(kind), nil
	}
	return all, nil
}
