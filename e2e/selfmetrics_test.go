//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/dashboards"
)

// collectorPanel is the first query of a panel of the shipped dashboard about
// collectors, for the cluster default.
func collectorPanel(t *testing.T, title string) string {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	text, err := dashboards.FS.ReadFile("json/collector.json")
	if err == nil {
		err = json.Unmarshal(text, &board)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, panel := range board.Panels {
		if panel.Title == title {
			return strings.NewReplacer("$cluster", "default", "$collector", ".+", "$__rate_interval", "1m").
				Replace(panel.Targets[0].Expr)
		}
	}
	t.Fatalf("there is no panel %s", title)
	return ""
}

// sendOfNoPod sends a collector a metric of a pod that is not there. Without a
// time, Prometheus would refuse it and all that comes with it.
func sendOfNoPod(address, uid string) error {
	const body = `{"resourceMetrics": [{
		"resource": {"attributes": [{"key": "k8s.pod.uid", "value": {"stringValue": %q}}]},
		"scopeMetrics": [{"metrics": [{
			"name": "e2e.of.no.pod", "gauge": {"dataPoints": [{"asInt": "1", "timeUnixNano": "%d"}]}
		}]}]}]}`
	text := fmt.Sprintf(body, uid, time.Now().UnixNano())
	response, err := http.Post("http://"+address+":4318/v1/metrics", "application/json", strings.NewReader(text))
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// checkStockSelfMetrics looks at what a collector in a container says of
// itself: of each pod on its own, as contrib 0.149 does, and what the dashboard
// makes of that.
func checkStockSelfMetrics(t *testing.T, e engine, s status) {
	t.Helper()
	address := e.inspect(s, "collector").NetworkSettings.Networks["diorama-default"].IPAddress
	const podless = `rate(otelcol_k8s_pod_association_total{k8s_cluster_name="default",status="error"}[1m])`
	panel := collectorPanel(t, "Resources without a pod")
	eventually(t, "resources without a pod are those of all pods", func() error {
		return errors.Join(
			sendOfNoPod(address, "e2e-1"), sendOfNoPod(address, "e2e-2"),
			atLeast(s.Endpoints.Prometheus, `rate(otelcol_k8s_pod_association_total{pod_identifier=~"e2e-.+"}[1m]) > 0`, 2),
			atLeast(s.Endpoints.Prometheus, `abs((`+panel+`) - sum by (service_name) (`+podless+`)) < 1e-9`, 1),
			atLeast(s.Endpoints.Prometheus, `(`+panel+`) > max by (service_name) (`+podless+`)`, 1),
		)
	})
	eventually(t, "no scraper fails", func() error {
		return atLeast(s.Endpoints.Prometheus, `(`+collectorPanel(t, "Failing scrapers")+`) == 0`, 1)
	})
}
