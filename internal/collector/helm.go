package collector

import (
	"errors"
	"strings"
	"time"
)

// ChartOptions are what the two collectors in a cluster are installed with, by
// the Helm chart opentelemetry-collector.
type ChartOptions struct {
	ClusterName string
	// Image is the collector's, of the contrib distribution.
	Image string
	// BackendURL is where OTLP is taken, such as http://lgtm:4318.
	BackendURL string
	// Interval of scraping.
	Interval time.Duration
}

// The names of the two releases, which their objects have too.
const (
	ClusterRelease = "otel-cluster"
	NodesRelease   = "otel-nodes"
)

// chartValues are what the templates of the values files see.
type chartValues struct {
	values
	// What names the release's subject; Mode is the chart's word for it.
	What, Release, Mode     string
	Repository, Tag, Digest string
}

// ClusterValues renders the Helm values of the Deployment: the state of the
// cluster, its events, and what applications send.
func ClusterValues(o ChartOptions) (string, error) {
	return renderValues("cluster", o, chartValues{What: "the cluster", Release: ClusterRelease, Mode: "deployment"})
}

// NodesValues renders the Helm values of the DaemonSet: kubelets and hosts.
func NodesValues(o ChartOptions) (string, error) {
	return renderValues("nodes", o, chartValues{What: "the nodes", Release: NodesRelease, Mode: "daemonset"})
}

func renderValues(name string, o ChartOptions, v chartValues) (string, error) {
	if o.ClusterName == "" || o.Image == "" || o.BackendURL == "" {
		return "", errors.New("the collector's Helm values need a cluster's name, an image and a backend")
	}
	// A pod's addresses are its own: nobody else is there.
	common, err := valuesOf(name, Options{
		ClusterName: o.ClusterName, Image: o.Image, BackendURL: o.BackendURL, Interval: o.Interval,
		OTLPGRPC: "0.0.0.0:4317", OTLPHTTP: "0.0.0.0:4318", Health: "0.0.0.0:13133", SelfMetrics: "0.0.0.0:8888",
	})
	if err != nil {
		return "", err
	}
	otlp := strings.TrimSuffix(o.BackendURL, "/") + "/v1"
	common.InCluster, common.MetricsURL, common.LogsURL = true, otlp+"/metrics", otlp+"/logs"
	v.values = common
	v.Repository, v.Tag, v.Digest = splitImage(o.Image)
	return execute("values-"+name+".yaml.tmpl", v)
}

// splitImage splits a reference, such as otel/x:1.2@sha256:…, into its parts.
// The tag is after the last colon, if that is none of a registry's port; it is
// latest where neither a tag nor a digest says which image is meant.
func splitImage(image string) (repository, tag, digest string) {
	image, digest, _ = strings.Cut(image, "@")
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		return image[:i], image[i+1:], digest
	}
	if digest == "" {
		tag = "latest"
	}
	return image, tag, digest
}
