package collector

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	ownReceivers = "receivers:\n  otlp:\n    protocols: {grpc: {endpoint: '127.0.0.1:0'}}\n"
	ownExporters = "exporters:\n  debug: {}\n"
	ownService   = "service:\n  pipelines:\n    metrics:\n      receivers: [otlp]\n      exporters: [debug]\n"
)

// What keeps a configuration from being loaded is told with its line, in words
// without Go's; what any collector would say, also without this one's components.
func TestCheckFile(t *testing.T) {
	replace := func(old, by string) string {
		return strings.Replace(ownReceivers+ownExporters+ownService, old, by, 1)
	}
	for _, test := range []struct {
		name, text, want string
		// structure tells that no components need to be known.
		structure bool
	}{
		{"good", replace("", ""), "", true},
		{"no YAML", "receivers: [\n", ":1: this is no YAML", true},
		{"empty", "", ": is empty; `diorama config collector cluster` prints", true},
		{"unknown section", replace("exporters", "exporter"), `:4: a collector's configuration has no "exporter"`, true},
		{"section twice", replace("", "exporters: {}\n"), `:5: "exporters" stands twice, first on line 1`, true},
		{"no service", ownReceivers + ownExporters, ": has no service.pipelines", true},
		{"no pipelines", ownReceivers + "service: {}\n", ":4: service has no pipelines", true},
		{"not configured", replace("[otlp]", "[otlp/in]"), `:9: service.pipelines.metrics names the receiver "otl`, true},
		{"no list", replace("[otlp]", "otlp"), ":9: service.pipelines.metrics has to name its receivers in a list", true},
		{"no options", "receivers: {otlp: 5}\n" + ownExporters + ownService, ":1: receivers.otlp has to be a mapping", true},
		{"no exporters", replace("[debug]", "[]"), ":8: service.pipelines.metrics has no exporters; name one", true},
		{"unknown type", replace("debug:", "kafka: {}\n  debug:"), `:5: the collector that is built in has no exp`, false},
		{"unknown option", replace("endpoint", "endpiont"), ":3: receivers.otlp.protocols.grpc has no key endpiont", false},
		{"unknown signal", replace("metrics", "metricz"), `:8: service.pipelines has "metricz", which is no`, true},
		{"unknown key", replace("exporters: [", "exporter: ["), `:10: service.pipelines.metrics has no "exporter"`, true},
		{"no protocol", replace("{grpc: {endpoint: '127.0.0.1:0'}}", "{}"), ":2: receivers.otlp: must specify", false},
		{"scheme", replace("127.0.0.1:0", "${http:x}"), `:3: scheme "http" is not supported`, false},
		{
			"another signal", strings.ReplaceAll(replace("metrics", "logs"), "debug: {}", "debug: {}\n  prometheus: {}"),
			"", true,
		},
		{
			"exporter of another signal",
			strings.Replace(replace("metrics:", "logs:"), "debug", "prometheus", 2),
			`:5: the exporter "prometheus" knows no logs`, false,
		},
		{
			"merged", replace("    metrics:", "    metrics: &m") + "    metrics/2: {<<: *m, processors: []}\n", "", true,
		},
		{
			"merged components", "x: &x {otlp: {protocols: {grpc: {}}}}\n",
			`:1: a collector's configuration has no "x"`, true,
		},
		{"elsewhere", replace("otlp:\n    protocols: {grpc: {endpoint: '127.0.0.1:0'}}", "otlp: ${file:own}"), "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "own.yaml")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			problem := CheckFile(t.Context(), path)
			if test.structure {
				problem = CheckStructure(path)
			} else if err := CheckStructure(path); err != nil {
				t.Errorf("without the components it says %v", err)
			}
			if (problem == nil) != (test.want == "") || problem != nil && !strings.HasPrefix(problem.Error(), path+test.want) {
				t.Errorf("got %v, want %s", problem, test.want)
			}
		})
	}
}

// The configurations that diorama renders, and one as people have it, pass, also
// before their cluster is there.
func TestRenderedConfigurationsPassTheCheck(t *testing.T) {
	for _, name := range []string{"cluster.yaml", "nodes.yaml", "own.yaml"} {
		err := withKubeconfig(filepath.Join(t.TempDir(), "later"), func(kubeconfig string) error {
			t.Setenv("KUBECONFIG", kubeconfig)
			return CheckFile(t.Context(), filepath.Join("testdata", name))
		})
		if err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"container.yaml", "container-0.153.yaml"} {
		if err := CheckStructure(filepath.Join("testdata", name)); err != nil {
			t.Error(err)
		}
	}
}
