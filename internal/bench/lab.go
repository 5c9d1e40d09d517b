package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/diorama-lab/diorama/internal/control"
)

// lab is a place of its own for environments.
type lab struct {
	ctx    context.Context
	binary string
	home   string
}

// inLab runs measure in a new lab and takes down what it brought up.
func (b *bench) inLab(measure func(lab) error) error {
	home, err := os.MkdirTemp("", "diorama-bench-")
	if err != nil {
		return err
	}
	l := lab{ctx: b.ctx, binary: b.binary, home: home}
	err = measure(l)
	l.ctx = context.WithoutCancel(b.ctx)
	if _, left := os.Stat(l.state()); left == nil {
		_, downErr := l.diorama("down", "--all")
		err = errors.Join(err, downErr)
	}
	return errors.Join(err, os.RemoveAll(home))
}

func (l lab) state() string { return filepath.Join(l.home, "state") }

// diorama runs the binary and returns what it printed.
func (l lab) diorama(args ...string) ([]byte, error) {
	out, _, err := l.used(args...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// used runs the binary and returns what it printed, also if it failed, and
// what it used.
func (l lab) used(args ...string) ([]byte, *syscall.Rusage, error) {
	cmd := exec.CommandContext(l.ctx, l.binary, args...)
	cmd.Env = append(os.Environ(), "DIORAMA_HOME="+l.state(), "KUBECONFIG="+filepath.Join(l.home, "kubeconfig"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("diorama %q: %w\n%s", args, err, stderr.Bytes())
	}
	usage := &syscall.Rusage{}
	if cmd.ProcessState != nil { // it began
		if known, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			usage = known
		}
	}
	return stdout.Bytes(), usage, err
}

// timed runs the binary and returns how many seconds it took.
func (l lab) timed(args ...string) (float64, error) {
	began := time.Now()
	_, err := l.diorama(args...)
	return time.Since(began).Seconds(), err
}

func (l lab) status() (control.Status, error) {
	var s control.Status
	out, err := l.diorama("status", "-o", "json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("reading the status: %w", err)
	}
	return s, nil
}

// leftovers says what an environment that is down has left behind.
func (l lab) leftovers(s control.Status) error {
	var left []error
	for _, c := range s.Components {
		if c.PID != 0 && !errors.Is(syscall.Kill(c.PID, 0), syscall.ESRCH) {
			left = append(left, fmt.Errorf("%s still runs as %d", c.Name, c.PID))
		}
	}
	for _, endpoint := range []string{
		s.Endpoints.Dashboards, s.Endpoints.Prometheus, s.Endpoints.Kubernetes, s.Endpoints.Kubelet, s.Endpoints.OTLPHTTP,
	} {
		address, err := url.Parse(endpoint)
		if err != nil {
			return err
		}
		if conn, err := net.Dial("tcp", address.Host); err == nil {
			left = append(left, fmt.Errorf("%s is still open", endpoint), conn.Close())
		}
	}
	if _, err := os.Stat(l.state()); err == nil {
		left = append(left, fmt.Errorf("%s is still there", l.state()))
	}
	return errors.Join(left...)
}
