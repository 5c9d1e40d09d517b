//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/check"
)

// checked runs `diorama check -o json`, which has to end with an exit code.
func (l *lab) checked(code int, args ...string) check.Report {
	l.t.Helper()
	r := l.command(binary(l.t, "DIORAMA_BINARY"), append([]string{"check", "-o", "json"}, args...)...)
	if got := exitCode(r.err); got != code {
		l.t.Fatalf("check %q: exit code %d, want %d\n%s%s", args, got, code, r.stdout, r.stderr)
	}
	var report check.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		l.t.Fatalf("check %q: %v\n%s", args, err, r.stdout)
	}
	return report
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// checkShipped checks what comes with diorama: nothing is empty that is not
// declared, and the declarations are about what there is.
func checkShipped(t *testing.T, l *lab, prometheus string) {
	report := l.checked(0, "--name", "shown", "--wait", "60s", "--strict")
	s := report.Summary
	if s.Dashboards != 16 || s.Targets < 300 || s.Data < 500 || s.Declared == 0 || s.Rules != 26 || s.Findings != 0 {
		t.Errorf("%+v", s)
	}
	fires := 0
	for _, rule := range report.Rules {
		if rule.Verdict == check.Fires || rule.Verdict == check.Pending {
			fires++
		}
	}
	if fires == len(report.Rules) {
		t.Error("all rules fire")
	}
	// The same against the environment's Prometheus, as if it were any.
	again := l.checked(0, "--prometheus", prometheus, "--scrape-interval", "5s", "--wait", "60s")
	if again.Summary.Targets != s.Targets || again.Summary.Findings != 0 {
		t.Errorf("as any Prometheus: %+v, as an environment: %+v", again.Summary, s)
	}
}

// startPrometheus runs a Prometheus that is not ours, which scrapes itself, and
// returns its address.
func (l *lab) startPrometheus() string {
	l.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		l.t.Fatal(err)
	}
	l.write("rules/own.yaml", "groups:\n- name: own\n  rules:\n  - {record: 'job:up:sum', expr: 'sum by (job) (up)'}\n")
	config := l.write("prometheus.yml", fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\n"+
		"rule_files: [rules/own.yaml]\n"+
		"scrape_configs:\n- job_name: prometheus\n  static_configs: [{targets: [%q]}]\n", address))
	cmd := exec.Command(binary(l.t, "PROMETHEUS_BINARY"), "--config.file="+config,
		"--storage.tsdb.path="+filepath.Join(l.home, "tsdb"), "--web.listen-address="+address)
	said := &printed{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
			l.t.Errorf("prometheus: %v", err)
		}
	})
	base := "http://" + address
	eventually(l.t, "a Prometheus that has scraped itself", func() error {
		n, err := count(base, "count_over_time(prometheus_tsdb_head_series[1m]) > 4 and on () job:up:sum")
		if err == nil && n == 0 {
			err = errors.New("no series yet")
		}
		return err
	})
	return base
}

// TestCheckForeignPrometheus checks dashboards and rules against a Prometheus
// that knows nothing of OpenTelemetry.
func TestCheckForeignPrometheus(t *testing.T) {
	l := newLab(t)
	base := l.startPrometheus()
	l.write("good/requests.json", `{"uid":"good","title":"Good","time":{"from":"now-5m","to":"now"},
		"templating":{"list":[
			{"name":"job","type":"query","query":"label_values(up, job)","includeAll":true,"multi":true},
			{"name":"handler","type":"query","includeAll":true,
			"query":"label_values(prometheus_http_requests_total{job=~\"$job\"}, handler)"}]},
		"panels":[
			{"id":1,"type":"timeseries","title":"Requests","targets":[{"refId":"A","legendFormat":"{{handler}}","expr":
			"sum by (handler) (rate(prometheus_http_requests_total{job=~\"$job\",handler=~\"$handler\"}[$__rate_interval]))"}]},
			{"id":2,"type":"stat","title":"Up","targets":[{"refId":"A","expr":"job:up:sum{job=~\"$job\"}","instant":true}]}]}`)
	l.write("good/rules.yaml", "groups:\n- name: own\n  rules:\n"+
		"  - {record: 'job:up:sum', expr: 'sum by (job) (up)'}\n  - {alert: Down, expr: 'up == 0'}\n")
	report := l.checked(0, filepath.Join(l.home, "good"),
		"--prometheus", base, "--scrape-interval", "1s", "--each", "handler", "--wait", "60s")
	if s := report.Summary; s.Dashboards != 1 || s.Targets < 5 || s.Data < 7 || s.Rules != 2 {
		t.Errorf("%+v", s)
	}
	l.write("bad/bad.json", `{"uid":"bad","title":"Bad","time":{"from":"now-5m","to":"now"},"panels":[
		{"id":1,"type":"stat","title":"Misspelled","targets":[{"refId":"A","expr":"prometheus_http_request_total"}]},
		{"id":2,"type":"stat","title":"Gauge","targets":[{"refId":"A","expr":"rate(prometheus_tsdb_head_series[10s])"}]}]}`)
	report = l.checked(1, filepath.Join(l.home, "bad"), "--prometheus", base, "--scrape-interval", "1s")
	r := report.Results[0]
	if r.Verdict != check.Empty || !strings.Contains(r.Why.Text, "there is prometheus_http_requests_total") {
		t.Errorf("%+v", r)
	}
	if r := report.Results[1]; len(r.Notes) != 1 || r.Notes[0].Kind != check.NoteGaugeRate {
		t.Errorf("%+v", r)
	}
	// The shipped dashboards find nothing here, and say so without an error.
	shipped := l.checked(1, "--prometheus", base)
	if s := shipped.Summary; s.Dashboards != 16 || s.Error != 0 || s.Empty < 300 {
		t.Errorf("%+v", s)
	}
}

// TestCheckEphemeral brings an environment up for a check, once to the end and
// once until it is interrupted: nothing stays.
func TestCheckEphemeral(t *testing.T) {
	l := newLab(t)
	l.write("boards/nodes.json", `{"uid":"nodes","title":"Nodes","time":{"from":"now-5m","to":"now"},"panels":[
		{"id":1,"type":"stat","title":"CPU","targets":[{"refId":"A","legendFormat":"{{k8s_node_name}}",
			"expr":"sum by (k8s_node_name) (rate(k8s_node_cpu_time_seconds_total[20s]))"}]}]}`)
	file := l.write("small.yaml", "apiVersion: diorama/v1alpha1\ncluster: {nodes: 3, pods: 6}\n")
	report := l.checked(0, filepath.Join(l.home, "boards"), "--ephemeral="+file)
	if s := report.Summary; s.Data != 1 || s.Targets != 1 {
		t.Errorf("%+v", s)
	}
	if left := l.diorama("list", "-o", "json"); strings.TrimSpace(left) != "[]" {
		t.Errorf("after the check there is %s", left)
	}
	cmd := exec.Command(binary(t, "DIORAMA_BINARY"), "check", filepath.Join(l.home, "boards"), "--ephemeral="+file)
	said := &printed{}
	cmd.Env, cmd.Stderr = l.env, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	said.await(t, "kube-apiserver")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if code := exitCode(err); code != 130 {
			t.Errorf("an interrupted check ends with %d\n%s", code, said.text.String())
		}
	case <-time.After(patience):
		t.Fatal("an interrupted check does not end")
	}
	if left := l.diorama("list", "-o", "json"); strings.TrimSpace(left) != "[]" {
		t.Errorf("after an interrupt there is %s", left)
	}
}
