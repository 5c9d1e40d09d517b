package backend

import (
	"bytes"
	"compress/gzip"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/diorama-lab/diorama/api/v1alpha1"
)

func podMetrics(at time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	ms := resource(md, "k8s.cluster.name", "lab", "k8s.namespace.name", "shop", "k8s.pod.name", "cart-0",
		"k8s.pod.uid", "not-a-label", "k8s.node.name", "node-1", "k8s.statefulset.name", "cart")
	counter(ms, "k8s.pod.cpu.time", "s", at, 42, pmetric.AggregationTemporalityCumulative)
	gauge(ms, "k8s.pod.memory.usage", "By", at, 1024)
	return md
}

func TestMetricsComeOutAsTheyWentIn(t *testing.T) {
	b := start(t, Options{})
	now := time.Now()
	mustPush(t, b.url, podMetrics(now))

	got := query(t, b.url, "k8s_pod_cpu_time_seconds_total", now)
	if len(got) != 1 || got[0].value() != "42" {
		t.Fatalf("got %v", got)
	}
	want := map[string]string{
		"__name__": "k8s_pod_cpu_time_seconds_total", "k8s_cluster_name": "lab", "k8s_namespace_name": "shop",
		"k8s_pod_name": "cart-0", "k8s_node_name": "node-1", "k8s_statefulset_name": "cart",
	}
	if len(got[0].Metric) != len(want) {
		t.Errorf("labels %v, want %v", got[0].Metric, want)
	}
	for k, v := range want {
		if got[0].Metric[k] != v {
			t.Errorf("label %s is %q, want %q", k, got[0].Metric[k], v)
		}
	}
	var metadata map[string][]familyMetadata
	get(t, b.url+"/api/v1/metadata", &metadata)
	m := metadata["k8s_pod_memory_usage_bytes"]
	if len(m) != 1 || m[0].Type != "gauge" || m[0].Unit != "bytes" || m[0].Help == "" {
		t.Errorf("metadata of the gauge: %v", m)
	}
	if m := metadata["k8s_pod_cpu_time_seconds_total"]; len(m) != 1 || m[0].Type != "counter" {
		t.Errorf("metadata of the counter: %v", m)
	}
	in := ingestion(t, b.url)
	if in.Series != 2 || in.SamplesAppendedTotal != 2 || in.DroppedTotal != 0 ||
		in.LastSampleTime.UnixMilli() != now.UnixMilli() {
		t.Errorf("ingestion: %+v", in)
	}
}

func TestTranslationStrategies(t *testing.T) {
	want := map[string]string{
		"UnderscoreEscapingWithSuffixes":    "k8s_pod_cpu_time_seconds_total",
		"UnderscoreEscapingWithoutSuffixes": "k8s_pod_cpu_time",
		"NoUTF8EscapingWithSuffixes":        "k8s.pod.cpu.time_seconds_total",
		"NoTranslation":                     "k8s.pod.cpu.time",
	}
	for _, strategy := range v1alpha1.TranslationStrategies() {
		t.Run(strategy, func(t *testing.T) {
			b := start(t, Options{TranslationStrategy: strategy})
			mustPush(t, b.url, podMetrics(time.Now()))
			var names []string
			get(t, b.url+"/api/v1/label/__name__/values", &names)
			if !slices.Contains(names, want[strategy]) {
				t.Errorf("names %v lack %s", names, want[strategy])
			}
		})
	}
	o := Options{RuleInterval: time.Minute, TranslationStrategy: "Backwards"}
	if _, err := promConfig(o, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an unknown strategy was accepted")
	}
}

func TestTargetInfoAndJob(t *testing.T) {
	b := start(t, Options{})
	now := time.Now()
	md := pmetric.NewMetrics()
	metrics := resource(md,
		"service.name", "api", "service.namespace", "shop", "service.instance.id", "i-1", "os.type", "linux")
	gauge(metrics, "queue.size", "{item}", now, 3)
	mustPush(t, b.url, md)
	const joined = `target_info{job="shop/api",instance="i-1",os_type="linux"} * on(job,instance) queue_size`
	got := query(t, b.url, joined, now)
	if len(got) != 1 || got[0].value() != "3" {
		t.Errorf("got %v", got)
	}
}

func TestResourcesStayApart(t *testing.T) {
	b := start(t, Options{})
	now := time.Now()
	pairs := []struct {
		metric string
		attrs  []string
	}{
		{"k8s.volume.capacity", []string{"k8s.pod.name", "p", "k8s.namespace.name", "n", "k8s.volume.name"}},
		{"k8s.hpa.max_replicas", []string{"k8s.namespace.name", "n", "k8s.hpa.name"}},
		{"k8s.resource_quota.used", []string{"k8s.namespace.name", "n", "k8s.resourcequota.name"}},
		{"k8s.replication_controller.desired", []string{"k8s.namespace.name", "n", "k8s.replicationcontroller.name"}},
		{"k8s.cronjob.active_jobs", []string{"k8s.namespace.name", "n", "k8s.cronjob.name"}},
		{"system.cpu.load_average.1m", []string{"host.name"}},
	}
	md := pmetric.NewMetrics()
	for _, p := range pairs {
		gauge(resource(md, append(slices.Clone(p.attrs), "one")...), p.metric, "", now, 1)
		gauge(resource(md, append(slices.Clone(p.attrs), "two")...), p.metric, "", now, 2)
	}
	mustPush(t, b.url, md)
	if in := ingestion(t, b.url); in.Series != int64(2*len(pairs)) || in.RepeatedTotal != 0 {
		t.Errorf("series %d, repeated %d", in.Series, in.RepeatedTotal)
	}
}

func TestLateAndRepeatedSamples(t *testing.T) {
	b := start(t, Options{})
	now := time.Now()
	mustPush(t, b.url, podMetrics(now))

	mustPush(t, b.url, podMetrics(now.Add(-5*time.Minute)))
	if in := ingestion(t, b.url); in.OutOfOrderAppendedTotal != 2 || in.DroppedTotal != 0 {
		t.Errorf("within the window: %+v", in)
	}
	mustPush(t, b.url, podMetrics(now))
	if in := ingestion(t, b.url); in.RepeatedTotal != 2 || in.DroppedTotal != 0 {
		t.Errorf("repeated: %+v", in)
	}
	code, text := push(t, b.url, podMetrics(now.Add(-11*time.Minute)))
	if code != http.StatusBadRequest || !strings.Contains(text, "too old") {
		t.Errorf("beyond the window: %d %s", code, text)
	}
	if in := ingestion(t, b.url); in.Dropped[dropTooOld] != 2 {
		t.Errorf("beyond the window: %+v", in)
	}
}

// A bad sample takes its whole request with it, as in Prometheus; all of
// them are counted.
func TestRolledBackSamplesAreCounted(t *testing.T) {
	b := start(t, Options{})
	now := time.Now()
	md := podMetrics(now)
	counter(resource(md, "service.name", "x"), "delta.metric", "", now, 1, pmetric.AggregationTemporalityDelta)
	code, text := push(t, b.url, md)
	if code < 400 || !strings.Contains(text, "temporality") {
		t.Errorf("delta: %d %s", code, text)
	}
	if in := ingestion(t, b.url); in.Dropped[dropRolledBack] != 2 || in.SamplesAppendedTotal != 0 {
		t.Errorf("ingestion: %+v", in)
	}
}

func TestBadMetricBodies(t *testing.T) {
	b := start(t, Options{MaxBodyBytes: 4096})
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	_, _ = zip.Write(make([]byte, 1<<20))
	_ = zip.Close()
	good := encode(t, podMetrics(time.Now()))
	for _, c := range []struct {
		name, kind string
		body       []byte
		headers    []string
		code       int
		text       string
	}{
		{"rubbish", contentProtobuf, []byte("rubbish"), nil, 400, ""},
		{"rubbish JSON", contentJSON, []byte("{"), nil, 400, ""},
		{"content type", "text/plain", good, nil, 400, "unsupported content type"},
		{"no gzip", contentProtobuf, good, []string{"Content-Encoding", "gzip"}, 400, "gzip"},
		{"compression", contentProtobuf, good, []string{"Content-Encoding", "zstd"}, 400, "zstd"},
		{"too large", contentProtobuf, make([]byte, 5000), nil, 413, "too large"},
		{"gzip bomb", contentProtobuf, bomb.Bytes(), []string{"Content-Encoding", "gzip"}, 413, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, body := post(t, b.url+"/api/v1/otlp/v1/metrics", c.kind, c.body, c.headers...)
			if code != c.code || !strings.Contains(string(body), c.text) || len(body) == 0 {
				t.Errorf("got %d %q", code, body)
			}
		})
	}
	if code, _, body := post(t, b.url+"/v1/metrics", contentProtobuf, good); code != 200 {
		t.Errorf("OTLP's own path: %d %s", code, body)
	}
}

func TestJSONMetrics(t *testing.T) {
	b := start(t, Options{})
	now := time.Now()
	data, err := pmetricotlp.NewExportRequestFromMetrics(podMetrics(now)).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if code, _, body := post(t, b.url+"/api/v1/otlp/v1/metrics", contentJSON, data); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	if got := query(t, b.url, "k8s_pod_memory_usage_bytes", now); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestRestartKeepsSamplesAndMetadata(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	b := start(t, Options{DataDir: dir})
	mustPush(t, b.url, podMetrics(now))
	b.stop()
	b = start(t, Options{DataDir: dir})
	if got := query(t, b.url, "k8s_pod_memory_usage_bytes", now); len(got) != 1 || got[0].value() != "1024" {
		t.Errorf("got %v", got)
	}
	var metadata map[string][]familyMetadata
	if get(t, b.url+"/api/v1/metadata?metric=k8s_pod_memory_usage_bytes", &metadata); len(metadata) != 1 {
		t.Errorf("metadata %v", metadata)
	}
	if in := ingestion(t, b.url); in.SamplesAppendedTotal != 0 || in.RepeatedTotal != 0 || in.Series != 2 {
		t.Errorf("after a restart: %+v", in)
	}
}

// What was acknowledged outlives kill -9, and the lock that the killed
// process left does not keep the next one out.
func TestKilledBackendKeepsAcknowledgedSamples(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	defer func() {
		if !killed {
			_ = child.Process.Kill()
			_ = child.Wait()
		}
	}()
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + strings.TrimSpace(string(line[:n]))
	waitReady(t, base)
	now := time.Now().Truncate(time.Second)
	for i := range 20 {
		mustPush(t, base, podMetrics(now.Add(time.Duration(i-20)*time.Second)))
	}
	code, _, _ := post(t, base+"/api/v1/otlp/v1/logs", contentProtobuf, encodeLogs(t, podEvent("uid-1", now)))
	if code != 200 {
		t.Fatalf("logs: %d", code)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	killed = true

	b := start(t, Options{DataDir: dir})
	got := query(t, b.url, "count_over_time(k8s_pod_memory_usage_bytes[1m])", now)
	if len(got) != 1 || got[0].value() != "20" {
		t.Errorf("samples after kill -9: %v", got)
	}
	if in := ingestion(t, b.url); in.EventsStored != 1 {
		t.Errorf("events after kill -9: %d", in.EventsStored)
	}
}

func TestPrometheusAPI(t *testing.T) {
	b := start(t, Options{})
	now := time.Now()
	mustPush(t, b.url, podMetrics(now))
	at := url.QueryEscape(now.Format(time.RFC3339Nano))
	for _, path := range []string{
		"/api/v1/query?query=1%2B1", "/api/v1/query_range?query=up&step=15&start=" + at + "&end=" + at,
		"/api/v1/series?match[]=k8s_pod_memory_usage_bytes", "/api/v1/labels", "/api/v1/label/k8s_pod_name/values",
		"/api/v1/metadata?limit=1", "/api/v1/targets", "/api/v1/rules", "/api/v1/alerts", "/api/v1/format_query?query=a%2Bb",
		"/api/v1/parse_query?query=a%2Bb", "/api/v1/status/config", "/api/v1/status/flags", "/api/v1/status/runtimeinfo",
		"/api/v1/status/buildinfo", "/api/v1/status/tsdb", "/api/v1/status/walreplay", "/api/v1/alertmanagers",
		"/api/v1/query_exemplars?query=a&start=" + at + "&end=" + at, "/api/v1/scrape_pools", "/api/v1/features",
	} {
		var data any
		if code := get(t, b.url+path, &data); code != http.StatusOK || data == nil {
			t.Errorf("%s: %d %v", path, code, data)
		}
	}
	var build map[string]string
	get(t, b.url+"/api/v1/status/buildinfo", &build)
	if !strings.HasPrefix(build["version"], "3.") {
		t.Errorf("version %q", build["version"])
	}
	for _, path := range []string{"/-/healthy", "/-/ready", "/metrics"} {
		resp, err := http.Get(b.url + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 200 || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
}
