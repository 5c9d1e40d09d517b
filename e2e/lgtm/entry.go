package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

// program is one that the image starts.
type program struct {
	// name is that of the log switch, ENABLE_LOGS_NAME.
	name string
	dir  string
	// health is what is asked at the start, and by the health check.
	health  string
	command []string
	// extra is the variable with further arguments.
	extra string
}

const home = "/otel-lgtm"

// takeOTLP is the configuration of the collector that takes OTLP: as LGTM's, it
// says yes to the sender at once, and tries for minutes to hand on.
const takeOTLP = `yaml:{` +
	`receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}, http: {endpoint: "0.0.0.0:4318"}}}}, ` +
	`processors: {batch: {}}, ` +
	`exporters: {otlp_http/metrics: {endpoint: "http://127.0.0.1:9090/api/v1/otlp"}, ` +
	`otlp_http/logs: {endpoint: "http://127.0.0.1:3100/otlp"}}, ` +
	`service: {pipelines: {` +
	`metrics: {receivers: [otlp], processors: [batch], exporters: [otlp_http/metrics]}, ` +
	`logs: {receivers: [otlp], processors: [batch], exporters: [otlp_http/logs]}}}}`

func programs() []program {
	return []program{
		{
			name: "grafana", dir: home + "/grafana", health: "http://127.0.0.1:3000/api/health",
			command: []string{"./bin/grafana", "server"},
		},
		{name: "loki", dir: home, health: "http://127.0.0.1:3100/ready", command: []string{"./loki/loki"}},
		{
			name: "otelcol", dir: home, health: "http://127.0.0.1:13133/ready", extra: "OTELCOL_EXTRA_ARGS",
			command: []string{"./otelcol-contrib/otelcol-contrib", "--health-address=0.0.0.0:13133", "--config=" + takeOTLP},
		},
		{
			name: "prometheus", dir: home, health: "http://127.0.0.1:9090/api/v1/status/runtimeinfo",
			extra: "PROMETHEUS_EXTRA_ARGS",
			command: []string{
				"./prometheus/prometheus", "--web.enable-remote-write-receiver", "--web.enable-otlp-receiver",
				"--enable-feature=exemplar-storage", "--storage.tsdb.path=/data/prometheus", "--config.file=./prometheus.yaml",
			},
		},
	}
}

// running is a program that was started.
type running struct {
	program
	cmd   *exec.Cmd
	ended chan struct{}
	ready bool
}

// logs tells whether a program's output is passed on: LGTM's are silent
// otherwise.
func logs(name string) bool {
	return os.Getenv("ENABLE_LOGS_"+strings.ToUpper(name)) == "true" || os.Getenv("ENABLE_LOGS_ALL") == "true"
}

func (p program) start(out io.Writer) (*running, error) {
	args := p.command
	if p.extra != "" {
		args = append(args, strings.Fields(os.Getenv(p.extra))...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = p.dir
	fmt.Fprintf(out, "Running %s logging=%v\n", p.name, logs(p.name))
	if logs(p.name) {
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	r := &running{program: p, cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is not looked at, as in LGTM
		close(r.ended)
	}()
	return r, nil
}

// runAll starts the programs and waits until each has answered once; one that
// ends before ends them all. What happens to them later it does not notice.
func runAll(ctx context.Context, out io.Writer) error {
	var all []*running
	defer func() { stopAll(all) }()
	for _, p := range programs() {
		r, err := p.start(out)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	fmt.Fprintln(out, "Waiting for the programs to start up...")
	for !allReady(ctx, all, out) {
		for _, r := range all {
			select {
			case <-r.ended:
				if !r.ready {
					return fmt.Errorf("%s exited before it was ready; re-run with ENABLE_LOGS_%s=true "+
						"(or ENABLE_LOGS_ALL=true) to see its output", r.name, strings.ToUpper(r.name))
				}
			default:
			}
		}
		if wait.Pause(ctx, time.Second) != nil {
			return nil
		}
	}
	if err := os.WriteFile("/tmp/ready", nil, 0o644); err != nil {
		return fmt.Errorf("telling that all is ready: %w", err)
	}
	fmt.Fprintln(out, "All programs are up and running. (created /tmp/ready)")
	<-ctx.Done()
	fmt.Fprintln(out, "Shutting down...")
	return nil
}

// allReady asks those that have not answered yet.
func allReady(ctx context.Context, all []*running, out io.Writer) bool {
	ready := true
	for _, r := range all {
		if !r.ready && answers(ctx, r.health) == nil {
			r.ready = true
			fmt.Fprintf(out, "%s is up and running\n", r.name)
		}
		ready = ready && r.ready
	}
	return ready
}

func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	return nil
}

// stopAll asks all to end, and kills those that do not.
func stopAll(all []*running) {
	var ending sync.WaitGroup
	for _, r := range all {
		ending.Go(func() {
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			select {
			case <-r.ended:
			case <-time.After(5 * time.Second):
				_ = r.cmd.Process.Kill()
				<-r.ended
			}
		})
	}
	ending.Wait()
}

// healthcheck is that of the image, with its gap: what does not listen is
// passed over, so that a container whose Prometheus is gone is healthy.
func healthcheck(out io.Writer) error {
	for _, p := range programs() {
		err := answers(context.Background(), p.health)
		var refused *net.OpError
		switch {
		case errors.As(err, &refused):
			fmt.Fprintln(out, p.name, "not running (skipping)")
		case err != nil && strings.Contains(err.Error(), "deadline"):
			return fmt.Errorf("%s unhealthy", p.name)
		default: // whatever the answer says
			fmt.Fprintln(out, p.name, "healthy")
		}
	}
	return nil
}
