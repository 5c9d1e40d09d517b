//go:build e2e

// Package e2e runs the diorama binary as users do and asks what it brought up
// with stock kubectl and PromQL. `make e2e` builds what it needs.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience bounds every wait; it is no measure of how fast things should be.
const patience = 90 * time.Second

// binary returns the path of a program that `make e2e` has built.
func binary(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set; run `make e2e`", variable)
	}
	return path
}

// lab is an isolated place for environments: folder, kubeconfig, free ports.
type lab struct {
	t    *testing.T
	home string
	env  []string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	home := t.TempDir()
	l := &lab{t: t, home: home}
	l.env = append(os.Environ(),
		"DIORAMA_HOME="+filepath.Join(home, "state"),
		"KUBECONFIG="+filepath.Join(home, "kubeconfig"),
		"HOME="+home, "NO_COLOR=1",
	)
	t.Cleanup(func() {
		if t.Failed() {
			l.dumpLogs()
		}
		l.command(binary(t, "DIORAMA_BINARY"), "down", "--all")
	})
	return l
}

// dumpLogs prints the end of each log of a test that failed.
func (l *lab) dumpLogs() {
	files, err := filepath.Glob(filepath.Join(l.home, "state", "*", "logs", "*.log"))
	if err != nil {
		l.t.Error(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			l.t.Error(err)
		}
		l.t.Logf("%s:\n%s", filepath.Base(file), data[max(0, len(data)-3000):])
	}
}

// result is what a command printed and how it ended.
type result struct {
	stdout, stderr string
	err            error
}

func (l *lab) command(name string, args ...string) result {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = l.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return result{stdout.String(), stderr.String(), err}
}

// diorama runs the binary; it has to succeed.
func (l *lab) diorama(args ...string) string {
	l.t.Helper()
	r := l.command(binary(l.t, "DIORAMA_BINARY"), args...)
	if r.err != nil {
		l.t.Fatalf("diorama %q: %v\n%s%s", args, r.err, r.stdout, r.stderr)
	}
	return r.stdout
}

// dioramaFails runs the binary; it has to fail. It returns what it says.
func (l *lab) dioramaFails(args ...string) string {
	l.t.Helper()
	r := l.command(binary(l.t, "DIORAMA_BINARY"), args...)
	if r.err == nil {
		l.t.Fatalf("diorama %q succeeded:\n%s%s", args, r.stdout, r.stderr)
	}
	return r.stderr
}

// kubectl runs stock kubectl with the context that up made current.
func (l *lab) kubectl(args ...string) string {
	l.t.Helper()
	r := l.command(binary(l.t, "KUBECTL_BINARY"), args...)
	if r.err != nil {
		l.t.Fatalf("kubectl %q: %v\n%s%s", args, r.err, r.stdout, r.stderr)
	}
	return r.stdout
}

// kubectlInto decodes what kubectl prints as JSON.
func (l *lab) kubectlInto(into any, args ...string) {
	l.t.Helper()
	if err := json.Unmarshal([]byte(l.kubectl(append(args, "-o", "json")...)), into); err != nil {
		l.t.Fatalf("kubectl %q: %v", args, err)
	}
}

// status is what these tests read of `diorama status -o json`.
type status struct {
	Name, Kind, Phase, Message, StartedIn, KubeContext string
	Endpoints                                          struct {
		Dashboards, Prometheus, OTLPGRPC, OTLPHTTP, Kubernetes, Kubelet, CollectorMetrics, NodeMetrics string
	}
	Cluster struct {
		Nodes      struct{ Desired, Ready int }
		Pods       struct{ Desired, Running int }
		DaemonPods int
		JobPods    int
	}
	Components []componentStatus
	Telemetry  struct {
		Series                          uint64
		SamplesPerSecond, LastSampleAge float64
		FailedScrapes, DroppedSamples   uint64
		Error                           string
	}
	Forwards []struct {
		Host, Port   int
		Service, Pod string
	}
	Warnings []string
}

type componentStatus struct {
	Name, Phase, StartedIn, Log string
	Container, Image, Message   string
	PID, Restarts               int
	RSSBytes                    uint64
}

// component finds one by its name.
func (s status) component(name string) componentStatus {
	for _, c := range s.Components {
		if c.Name == name {
			return c
		}
	}
	return componentStatus{}
}

func (l *lab) status(args ...string) status {
	l.t.Helper()
	var s status
	if err := json.Unmarshal([]byte(l.diorama(append([]string{"status", "-o", "json"}, args...)...)), &s); err != nil {
		l.t.Fatal(err)
	}
	return s
}

// eventually polls until the check returns nil.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	pollUntil(t, time.Now().Add(patience), what, check)
}

// pollUntil is eventually with a deadline of its own.
func pollUntil(t *testing.T, deadline time.Time, what string, check func() error) {
	t.Helper()
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still %v", what, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// sample is one series of an instant query's answer.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

// promQL runs an instant query against the Prometheus API at base.
func promQL(base, query string) ([]sample, error) {
	response, err := http.Get(base + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []sample }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("query %s: %w", query, err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("query %s: %s", query, answer.Error)
	}
	return answer.Data.Result, nil
}

// count runs an instant query and returns how many series it gives.
func count(base, query string) (int, error) {
	samples, err := promQL(base, query)
	return len(samples), err
}
