package collector

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// emptyCluster answers as an API server in which there is nothing, and makes
// it the one that KUBECONFIG names.
func emptyCluster(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kinds := map[string]string{
			"pods": "Pod", "namespaces": "Namespace", "nodes": "Node", "replicasets": "ReplicaSet", "jobs": "Job",
		}
		kind := kinds[path.Base(r.URL.Path)]
		version := strings.TrimPrefix(strings.TrimPrefix(path.Dir(r.URL.Path), "/apis/"), "/api/")
		if strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata") {
			kind, version = "PartialObjectMetadata", "meta.k8s.io/v1"
		}
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") == "" {
			const list = `{"apiVersion": %q, "kind": %q, "metadata": {"resourceVersion": "1"}, "items": []}`
			_, _ = fmt.Fprintf(w, list, version, kind+"List")
			return
		}
		_, _ = fmt.Fprintf(w, `{"type": "BOOKMARK", "object": {"apiVersion": %q, "kind": %q, "metadata": {
			"resourceVersion": "1", "annotations": {"k8s.io/initial-events-end": "true"}}}}`, version, kind)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\n"+
		"clusters: [{name: c, cluster: {server: %q}}]\n"+
		"contexts: [{name: c, context: {cluster: c, user: c}}]\nusers: [{name: c, user: {}}]\n", server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", file)
}

// podless is what an application sends that is no pod of the empty cluster.
const podless = `{"resourceMetrics": [{
	"resource": {"attributes": [{"key": "k8s.pod.uid", "value": {"stringValue": %q}}]},
	"scopeMetrics": [{"metrics": [{
		"name": "m", "description": "sent by a pod", "gauge": {"dataPoints": [{"asInt": "1"}]}
	}]}]}]}`

// ownMetrics runs a configuration without the receivers that need a cluster,
// sends it metrics of two pods that are not there, and reads what it says of
// itself. Its backend refuses those of the first.
func ownMetrics(t *testing.T, options Options, config string) map[string]*dto.MetricFamily {
	t.Helper()
	config = regexp.MustCompile(`\[k8s_(cluster|events), otlp\]`).ReplaceAllString(config, "[otlp]")
	config = strings.Replace(config, "        - k8s_cluster\n", "", 1)
	ctx, cancel := context.WithCancel(t.Context())
	finished := make(chan error, 1)
	go func() { finished <- Run(ctx, RunOptions{ConfigURIs: []string{"yaml:" + config}}) }()
	defer func() {
		cancel()
		if err := <-finished; err != nil {
			t.Error(err)
		}
	}()
	for _, uid := range []string{"uid-1", "uid-2"} {
		until(t, "the metrics of "+uid+" are taken", func() bool {
			body := strings.NewReader(fmt.Sprintf(podless, uid))
			response, err := http.Post("http://"+options.OTLPHTTP+"/v1/metrics", "application/json", body)
			if err != nil {
				return false
			}
			_ = response.Body.Close()
			return response.StatusCode == http.StatusOK
		})
	}
	var page map[string]*dto.MetricFamily
	until(t, "it reports what it refused and sent", func() bool {
		response, err := http.Get("http://" + options.SelfMetrics + "/metrics")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		parser := expfmt.NewTextParser(model.UTF8Validation)
		page, err = parser.TextToMetricFamilies(response.Body)
		return err == nil && page["otelcol_exporter_sent_metric_points"] != nil &&
			page["otelcol_exporter_send_failed_metric_points"] != nil
	})
	return page
}

// local are options for this machine, with a backend that refuses what comes
// from the first of the pods.
func local(t *testing.T) Options {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || bytes.Contains(body, []byte("uid-1")) && bytes.Contains(body, []byte("sent by a pod")) {
			http.Error(w, "not this one", http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	options := exampleOptions()
	options.BackendURL, options.Nodes, options.PrometheusExporter = server.URL, nil, ""
	for _, address := range []*string{&options.OTLPGRPC, &options.OTLPHTTP, &options.Health, &options.SelfMetrics} {
		*address = freeAddress(t)
	}
	return options
}

// labelNames are the names of the labels that the series of a family have.
func labelNames(family *dto.MetricFamily) []string {
	names := map[string]bool{}
	for _, m := range family.GetMetric() {
		for _, pair := range m.GetLabel() {
			names[pair.GetName()] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

const association = "otelcol_k8s_pod_association"

// A container's collector counts a series for every pod, as contrib does; the
// environment's own one, whose pods may be thousands, does not.
func TestPodAssociation(t *testing.T) {
	emptyCluster(t)
	for name, want := range map[string][]string{
		"container": {"otelcol_signal", "pod_identifier", "status"}, "cluster": {"otelcol_signal", "status"},
	} {
		t.Run(name, func(t *testing.T) {
			options := local(t)
			config, err := renderers()[name](options)
			if err != nil {
				t.Fatal(err)
			}
			family := ownMetrics(t, options, config)[association]
			if got := labelNames(family); !slices.Equal(got, want) || len(family.GetMetric()) != len(want)-1 {
				t.Errorf("%s has the labels %q, want %q, and %d series: %s",
					association, got, want, len(family.GetMetric()), family)
			}
		})
	}
}

// The views of the environment's own collectors make the level normal, but for
// the pods.
func TestViewsAreThoseOfLevelNormal(t *testing.T) {
	emptyCluster(t)
	shapes := map[string]map[string]string{}
	for _, about := range []string{"views", "normal"} {
		options := local(t)
		config, err := ClusterConfig(options)
		if err != nil {
			t.Fatal(err)
		}
		if before, after, found := strings.Cut(config, "      level: detailed\n"); about == "normal" {
			_, readers, views := strings.Cut(after, "      readers:\n")
			if !found || !views {
				t.Fatalf("the metrics of the telemetry are others:\n%s", config)
			}
			config = before + "      level: normal\n      readers:\n" + readers
		}
		shapes[about] = map[string]string{}
		for name, family := range ownMetrics(t, options, config) {
			shape := fmt.Sprintf("%s %q", family.GetType(), labelNames(family))
			shapes[about][name] = strings.ReplaceAll(shape, `"pod_identifier" `, "")
		}
	}
	for _, pair := range [][2]string{{"views", "normal"}, {"normal", "views"}} {
		for name, shape := range shapes[pair[0]] {
			if got := shapes[pair[1]][name]; got != shape {
				t.Errorf("%s is %s with %s, and %q with %s", name, shape, pair[0], got, pair[1])
			}
		}
	}
}
