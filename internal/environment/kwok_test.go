package environment

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/config"
	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/state"
)

// What is rendered for LGTM, with Prometheus' own eyes.
func TestPrometheusFile(t *testing.T) {
	b := v1alpha1.Default().Backend
	b.PromoteResourceAttributes = []string{"my.own"}
	for _, strategy := range v1alpha1.TranslationStrategies() {
		b.TranslationStrategy = strategy
		text, err := prometheusFile(b)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := config.Load(text, promslog.NewNopLogger())
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		promoted := parsed.OTLPConfig.PromoteResourceAttributes
		if string(parsed.OTLPConfig.TranslationStrategy) != strategy || !slices.Contains(promoted, "my.own") || !slices.Contains(promoted, "k8s.volume.name") ||
			parsed.StorageConfig.TSDBConfig.OutOfOrderTimeWindow != (10*time.Minute).Milliseconds() || parsed.RuleFiles[0] != "/etc/diorama/rules/*.yaml" {
			t.Errorf("Prometheus reads %+v, %+v, %q", parsed.OTLPConfig, parsed.StorageConfig.TSDBConfig, parsed.RuleFiles)
		}
	}
}

// Grafana's page reads only the first unit of an interval.
func TestDatasourceFile(t *testing.T) {
	for interval, want := range map[time.Duration]string{
		5 * time.Second: "5s", 90 * time.Second: "90s", 1500 * time.Millisecond: "1500ms", time.Hour: "3600s",
	} {
		var read struct {
			Datasources []struct {
				Name, UID, URL string
				JSONData       struct {
					TimeInterval string `yaml:"timeInterval"`
				} `yaml:"jsonData"`
			}
		}
		if err := yaml.Unmarshal([]byte(datasourceFile(interval)), &read); err != nil {
			t.Fatal(err)
		}
		d := read.Datasources[0]
		if place := d.Name + " " + d.UID + " " + d.URL; place != "Prometheus prometheus http://127.0.0.1:9090" {
			t.Errorf("the data source is %s", place)
		}
		if got := d.JSONData.TimeInterval; got != want {
			t.Errorf("%s: the data source's interval is %s, want %s", interval, got, want)
		}
	}
	if path.Base(lgtmDatasource) <= "grafana-datasources.yaml" {
		t.Errorf("%s is read before the image's own, which then wins", lgtmDatasource)
	}
}

// Nothing of the user's own leaks into a container but what is mounted there,
// and nothing is published but what the kind says.
func TestKwokContainers(t *testing.T) {
	plan := planOf(t, examples()["kwok"])
	for _, c := range plan.Components {
		if c.Container == nil {
			continue
		}
		for _, m := range c.Container.Mounts {
			if filepath.IsAbs(m.Source) && (!m.ReadOnly || !strings.HasPrefix(m.Source, "/env/config/")) {
				t.Errorf("%s sees %s, read only: %v", c.Name, m.Source, m.ReadOnly)
			}
		}
		for _, p := range c.Container.Ports {
			if p.Container == prometheusPort {
				t.Errorf("%s publishes Prometheus", c.Name)
			}
		}
	}
	want := []string{"grafana/otel-lgtm:0.28.0", "otel/opentelemetry-collector-contrib:0.153.0"}
	if !slices.Equal(plan.images(), want) {
		t.Errorf("images are %q, want %q", plan.images(), want)
	}
	if want := []string{"diorama-default-lgtm"}; !slices.Equal(plan.volumes(), want) {
		t.Errorf("volumes are %q, want %q", plan.volumes(), want)
	}
	collector := plan.Files[containerCollectorFile(state.Folder{Name: "default", Path: "/env"})]
	if n := strings.Count(collector, "\n  kubelet_stats/"); n != 50 {
		t.Errorf("the collector has %d receivers of nodes, want 50", n)
	}
}

func TestUserRules(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yaml", "c.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("groups: []\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(dir, "to")
	if err := writeRules(to, []string{filepath.Join(dir, "*.yaml")}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"own-0-a.yaml", "own-1-b.yaml", "recording.yaml"} {
		info, err := os.Stat(filepath.Join(to, name))
		if err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	// What is not named any more is gone.
	if err := writeRules(to, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(to, "own-*")); err != nil || len(left) > 0 {
		t.Errorf("rules of an earlier run are left: %q, %v", left, err)
	}
	bad := filepath.Join(dir, "b.yaml")
	unclosed := "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'sum('}\n"
	if err := os.WriteFile(bad, []byte(unclosed), 0o600); err != nil {
		t.Fatal(err)
	}
	plan := Plan{Network: "n", Environment: v1alpha1.Default()}
	plan.Environment.Backend.Rules = []string{filepath.Join(dir, "*.yaml")}
	for _, err := range []error{plan.CheckRules(), writeRules(to, plan.Environment.Backend.Rules)} {
		if err == nil || !strings.Contains(err.Error(), bad+":4:23: ") || !strings.Contains(err.Error(), "mend it") {
			t.Errorf("a rule file that does not load gives %v", err)
		}
	}
	if plan.Network = ""; plan.CheckRules() != nil {
		t.Error("the embedded kind, which starts without it, is refused")
	}
	if err := writeRules(to, []string{filepath.Join(dir, "*.none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a glob that matches nothing gives %v", err)
	}
}

// What Grafana reads follows the user's folder; a file that breaks keeps what
// it held, and is told.
func TestProvisioning(t *testing.T) {
	own, to := t.TempDir(), filepath.Join(t.TempDir(), "dashboards")
	save := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(own, name)), 0o700), os.WriteFile(filepath.Join(own, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	title := func(name, want string) func() bool {
		return func() bool {
			data, err := os.ReadFile(filepath.Join(to, name))
			var d struct{ Title string }
			return err == nil && json.Unmarshal(data, &d) == nil && d.Title == want
		}
	}
	save("team/one.json", `{"uid": "one", "title": "First", "panels": [], "schemaVersion": 39}`)
	library, err := OpenLibrary(own, nil, "/none")
	if err != nil {
		t.Fatal(err)
	}
	p := &provisioning{library: library, dir: to, folders: newGrafanaFolders("http://127.0.0.1:1")}
	if err := p.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if _, err := os.Stat(filepath.Join(to, "diorama-cluster.json")); err != nil || !title("team/one.json", "First")() || len(p.warnings()) > 0 {
		t.Errorf("the folder lacks a dashboard: %v; warnings: %q", err, p.warnings())
	}
	save("team/one.json", `{"uid": "one", "title": "Second", "panels": [], "schemaVersion": 39}`)
	await(t, "the change", title("team/one.json", "Second"))
	save("team/one.json", `{"uid": "one", "title": `)
	await(t, "the broken file to be told", func() bool { return len(p.warnings()) == 1 && strings.Contains(p.warnings()[0], "team/one.json") })
	if !title("team/one.json", "Second")() {
		t.Error("a broken file lost what it held")
	}
	if err := os.Remove(filepath.Join(own, "team/one.json")); err != nil {
		t.Fatal(err)
	}
	await(t, "the removal", func() bool {
		_, err := os.Stat(filepath.Join(to, "team"))
		return errors.Is(err, os.ErrNotExist)
	})
	// What Grafana would refuse in silence is kept from it, and told.
	long := strings.Repeat("u", 41)
	save("long.json", `{"uid": "`+long+`", "title": "Long", "panels": [], "schemaVersion": 39}`)
	await(t, "the long uid to be told", func() bool {
		return len(p.warnings()) == 1 && strings.Contains(p.warnings()[0], "long.json: Grafana refuses it")
	})
	if _, err := os.Stat(filepath.Join(to, long+".json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Grafana is given what it refuses: %v", err)
	}
	save("long.json", `{"uid": "short", "title": "Long", "panels": [], "schemaVersion": 39}`)
	await(t, "the mended dashboard", title("short.json", "Long"))
	if warnings := p.warnings(); len(warnings) > 0 {
		t.Errorf("mended, it is still told: %q", warnings)
	}
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := poll(ctx, func() (bool, error) { return done(), nil }); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

func TestReadPrometheus(t *testing.T) {
	answer, code := `{"status":"success","data":{"headStats":{"numSeries":508,"chunkCount":937,"minTime":1591516800000,"maxTime":1598896800143}}}`, http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/proxy/api/v1/status/tsdb" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	got, err := readPrometheus(t.Context(), server.URL+"/proxy")
	if err != nil || got.Series != 508 || got.LastSampleTime.UnixMilli() != 1598896800143 {
		t.Errorf("read %+v, %v", got, err)
	}
	code = http.StatusBadGateway
	if _, err := readPrometheus(t.Context(), server.URL+"/proxy"); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("a gateway that fails gives %v", err)
	}
}
