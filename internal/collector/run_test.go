package collector

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// backend keeps the names of services and metrics that it is sent.
type backend struct {
	mutex sync.Mutex
	seen  map[string]bool
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := pmetricotlp.NewExportRequest()
	if err == nil {
		err = request.UnmarshalProto(body)
	}
	if err != nil || r.URL.Path != "/api/v1/otlp/v1/metrics" {
		http.Error(w, fmt.Sprint(r.URL.Path, err), http.StatusBadRequest)
		return
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, resource := range request.Metrics().ResourceMetrics().All() {
		if service, ok := resource.Resource().Attributes().Get("service.name"); ok {
			b.seen[service.Str()] = true
		}
		for _, scope := range resource.ScopeMetrics().All() {
			b.add(scope.Metrics())
		}
	}
}

func (b *backend) add(metrics pmetric.MetricSlice) {
	for _, m := range metrics.All() {
		b.seen[m.Name()] = true
	}
}

func (b *backend) has(name string) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.seen[name]
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	waittest.True(t, what, done)
}

// localConfig is the rendered configuration of the cluster with the components that
// need a cluster replaced by what this machine has.
func localConfig(t *testing.T, options Options) string {
	t.Helper()
	config, err := ClusterConfig(options)
	if err != nil {
		t.Fatal(err)
	}
	const receivers, processors = "[k8s_cluster, otlp]", "[memory_limiter, k8s_attributes, resource, batch]"
	if !strings.Contains(config, receivers) || !strings.Contains(config, processors) {
		t.Fatalf("the pipeline is another:\n%s", config)
	}
	config = strings.Replace(config, receivers, "[hostmetrics, otlp]", 1)
	config = strings.Replace(config, processors, "[memory_limiter, resource, batch]", 1)
	logs := strings.Index(config, "    logs:\n      receivers")
	own := strings.Index(config, "  # About the collector itself")
	config = config[:logs] + config[own:]
	return strings.Replace(config, "receivers:\n", "receivers:\n"+
		"  hostmetrics:\n    collection_interval: 1s\n    initial_delay: 0s\n    scrapers: {load: {}}\n", 1)
}

func TestRun(t *testing.T) {
	b := &backend{seen: map[string]bool{}}
	server := httptest.NewServer(b)
	defer server.Close()
	options := exampleOptions()
	options.BackendURL = server.URL
	for _, address := range []*string{
		&options.OTLPGRPC, &options.OTLPHTTP, &options.PrometheusExporter, &options.Health, &options.SelfMetrics,
	} {
		*address = freeAddress(t)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	finished := make(chan error, 1)
	go func() { finished <- Run(ctx, RunOptions{ConfigURIs: []string{"yaml:" + localConfig(t, options)}}) }()

	until(t, "metrics arrive", func() bool { return b.has("system.cpu.load_average.1m") })
	until(t, "the self metrics say so", func() bool {
		health, err := ReadHealth(ctx, "http://"+options.SelfMetrics+"/metrics")
		return err == nil && health.SentPoints > 0 && health.AcceptedPoints > 0 && health.LostPoints() == 0
	})
	for _, address := range []string{options.Health, options.PrometheusExporter + "/metrics"} {
		response, err := http.Get("http://" + address)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s answered %s (%v)", address, response.Status, err)
		}
		if strings.HasSuffix(address, "/metrics") && !strings.Contains(string(page), `k8s_cluster_name="lab"`) {
			t.Errorf("the page of latest values lacks the cluster's name:\n%s", page)
		}
	}
	cancel()
	if err := <-finished; err != nil {
		t.Error(err)
	}
	// The end flushes: the self metrics come at the latest now.
	if !b.has("otelcol-cluster") {
		t.Errorf("the collector sent nothing about itself: %v", b.seen)
	}
}

// TestHealth asks a collector whose configuration says nothing of health.
func TestHealth(t *testing.T) {
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config := "receivers: {otlp: {protocols: {http: {endpoint: '" + freeAddress(t) + "'}}}}\nexporters: {debug: {}}\n" +
		"service: {pipelines: {metrics: {receivers: [otlp], exporters: [debug]}}, telemetry: {metrics: {level: none}}}\n"
	finished := make(chan error, 1)
	go func() {
		finished <- Run(ctx, RunOptions{ConfigURIs: []string{"yaml:" + config}, HealthAddress: address})
	}()
	until(t, "it says that it runs", func() bool {
		response, err := http.Get("http://" + address)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	cancel()
	if err := <-finished; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + address); err == nil {
		t.Error("it is still there after its end")
	}
}

func TestRunRefuses(t *testing.T) {
	if err := Run(t.Context(), RunOptions{ConfigURIs: []string{"yaml:receivers: {nothing: {}}"}}); err == nil {
		t.Error("a configuration that cannot be was run")
	}
}
