package collector

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"text/template"
	"time"
)

//go:embed templates/*.tmpl
var templates embed.FS

// Options are what an environment's collectors are configured with. Addresses
// are host:port.
type Options struct {
	// Kubeconfig is the file that KUBECONFIG has to name when the collector
	// runs: its Kubernetes components have no option for it.
	Kubeconfig  string
	ClusterName string
	// Image is the contrib distribution's, for ContainerConfig and in a
	// cluster: its components are called as in its version.
	Image string
	// BackendURL is where Prometheus' API is, such as http://127.0.0.1:9090;
	// for ContainerConfig, and with OTLP, it is where OTLP is taken, such as
	// http://lgtm:4318.
	BackendURL string
	OTLP       bool
	// KubeletEndpoint is where the simulated kubelets are, such as
	// https://127.0.0.1:10250, KubeletCA what signs their certificates, and
	// ClientCert and ClientKey what they let the collector in with.
	KubeletEndpoint, KubeletCA, ClientCert, ClientKey string
	// Interval of scraping. k8s_cluster sends for the first time after one.
	Interval time.Duration
	// OTLPGRPC and OTLPHTTP are where the cluster's collector takes metrics.
	OTLPGRPC, OTLPHTTP string
	// PrometheusExporter serves the latest metrics; empty leaves it out, for
	// it keeps a copy of every series. Health says whether the collector
	// runs, SelfMetrics are those about itself.
	PrometheusExporter, Health, SelfMetrics string
	// Nodes are the names of the simulated nodes, for ContainerConfig.
	Nodes []string
}

// ClusterConfig renders the configuration of the collector that watches the
// API server and takes metrics from applications.
func ClusterConfig(o Options) (string, error) {
	return render("cluster", o, map[string]string{"OTLPGRPC": o.OTLPGRPC, "OTLPHTTP": o.OTLPHTTP})
}

// NodesConfig renders the configuration of the collector that scrapes the
// simulated nodes.
func NodesConfig(o Options) (string, error) {
	return render("nodes", o, map[string]string{
		"KubeletEndpoint": o.KubeletEndpoint, "KubeletCA": o.KubeletCA, "ClientCert": o.ClientCert, "ClientKey": o.ClientKey,
	})
}

// ContainerConfig renders the configuration of the one collector of a
// container: of stock contrib components only, with a kubeletstats receiver
// for each of o.Nodes.
func ContainerConfig(o Options) (string, error) {
	return render("container", o, map[string]string{
		"OTLPGRPC": o.OTLPGRPC, "OTLPHTTP": o.OTLPHTTP,
		"KubeletEndpoint": o.KubeletEndpoint, "KubeletCA": o.KubeletCA, "ClientCert": o.ClientCert, "ClientKey": o.ClientKey,
	})
}

// values are what the templates see.
type values struct {
	Options
	names
	Name               string
	SelfHost, SelfPort string
	// InCluster tells that the collector is a pod, Name which of the two.
	InCluster              bool
	Expiration             time.Duration
	MetricsURL, LogsURL    string
	SelfMetricsIntervalMil int64
}

func render(name string, o Options, required map[string]string) (string, error) {
	for option, value := range map[string]string{
		"Kubeconfig": o.Kubeconfig, "ClusterName": o.ClusterName, "BackendURL": o.BackendURL,
		"Health": o.Health, "SelfMetrics": o.SelfMetrics,
	} {
		required[option] = value
	}
	for option, value := range required {
		if value == "" {
			return "", fmt.Errorf("the configuration of the collector for the %s needs the option %s", name, option)
		}
	}
	v, err := valuesOf(name, o)
	if err != nil {
		return "", err
	}
	return execute(name+".yaml.tmpl", v)
}

// SelfMetricsInterval is how often a collector sends what it says of itself,
// if it scrapes at an interval.
func SelfMetricsInterval(scraping time.Duration) time.Duration { return max(scraping, 10*time.Second) }

// valuesOf works out what a template sees of the options.
func valuesOf(name string, o Options) (values, error) {
	if o.Interval <= 0 {
		return values{}, errors.New("the collector needs the interval of scraping (Interval)")
	}
	host, port, err := net.SplitHostPort(o.SelfMetrics)
	if err != nil {
		return values{}, fmt.Errorf("the address of the collector's own metrics: %w", err)
	}
	path := "/api/v1/otlp/v1"
	if name == "container" || o.OTLP {
		path = "/v1"
	}
	otlp := strings.TrimSuffix(o.BackendURL, "/") + path
	return values{
		Options: o, names: namesFor(o.Image), Name: name, SelfHost: host, SelfPort: port,
		MetricsURL: otlp + "/metrics", LogsURL: otlp + "/logs",
		// Objects that are gone are to disappear soon, but not for one missed scrape.
		Expiration:             max(4*o.Interval, 30*time.Second),
		SelfMetricsIntervalMil: SelfMetricsInterval(o.Interval).Milliseconds(),
	}, nil
}

// execute renders one of the templates. In them, str quotes a text and include
// renders another template two columns further in.
func execute(file string, v any) (string, error) {
	set := template.New(file)
	run := func(name string, v any) (string, error) {
		var out bytes.Buffer
		err := set.ExecuteTemplate(&out, name, v)
		return out.String(), err
	}
	include := func(name string, v any) (string, error) {
		text, err := run(name, v)
		return indent(text), err
	}
	functions := template.FuncMap{"str": quote, "include": include}
	if _, err := set.Funcs(functions).ParseFS(templates, "templates/*.tmpl"); err != nil {
		return "", fmt.Errorf("parsing the collector's templates: %w", err)
	}
	text, err := run(file, v)
	if err != nil {
		return "", fmt.Errorf("rendering the collector's configuration: %w", err)
	}
	return text, nil
}

// indent moves the lines of a text two columns further in.
func indent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

// quote writes a YAML string. A JSON string is one; the collector would expand
// a $ in it.
func quote(s string) (string, error) {
	quoted, err := json.Marshal(s)
	return strings.ReplaceAll(string(quoted), "$", "$$"), err
}
