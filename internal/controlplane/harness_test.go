package controlplane

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// patience is the deadline of what a test waits for: far longer than it takes,
// for machines that are busy.
const patience = 2 * time.Minute

// lab is a running control plane: the test binary, once for each program.
type lab struct {
	options Options
	// cleanup ends programs with the test that owns the lab, whichever
	// subtest has started them.
	cleanup  func(func())
	programs map[string]*child
}

// child is one running program.
type child struct {
	cmd      *exec.Cmd
	lifeline io.Closer
	log      string
	exited   chan struct{}
	// err is how it ended, once exited is closed.
	err error
}

// newLab makes credentials and free ports, and starts nothing.
func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	ports := freePorts(t, 6)
	options := Options{Dir: dir, Ports: Ports{
		API: ports[0], EtcdClient: ports[1], EtcdPeer: ports[2], ControllerManager: ports[3], Scheduler: ports[4],
		KubeletTunnel: ports[5],
	}}
	if err := EnsureCredentials(options); err != nil {
		t.Fatal(err)
	}
	for path, content := range options.Files() {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &lab{options: options, cleanup: t.Cleanup, programs: map[string]*child{}}
}

func freePorts(t *testing.T, count int) []int {
	t.Helper()
	var ports []int
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		// Held until all are found, so that they differ.
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// start starts a program and waits until its probe says that it is ready.
func (l *lab) start(t *testing.T, name string, args []string, probe func(context.Context) error) {
	t.Helper()
	c := &child{
		cmd: exec.Command(os.Args[0], args...), log: filepath.Join(l.options.Dir, name+".log"), exited: make(chan struct{}),
	}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c.cmd.Env = append(os.Environ(), programEnv+"="+name)
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if c.lifeline, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.err = c.cmd.Wait(); close(c.exited) }()
	l.programs[name] = c
	l.cleanup(func() { c.kill(t) })
	waittest.Until(t, name+" is ready", func(ctx context.Context) error {
		select {
		case <-c.exited:
			t.Fatalf("%s has ended: %v\n%s", name, c.err, tail(c.log))
		default:
		}
		return probe(ctx)
	})
}

func (l *lab) startEtcd(t *testing.T) {
	t.Helper()
	l.start(t, "etcd", l.options.EtcdArgs(), l.options.ProbeEtcd)
}

func (l *lab) startAll(t *testing.T) {
	t.Helper()
	o := l.options
	l.startEtcd(t)
	l.start(t, "kube-apiserver", o.APIServerArgs(), o.ProbeAPIServer)
	l.start(t, "kube-controller-manager", o.ControllerManagerArgs(), o.ProbeControllerManager)
	l.start(t, "kube-scheduler", o.SchedulerArgs(), o.ProbeScheduler)
}

// config returns the configuration of one of our clients.
func (l *lab) config(t *testing.T, client string) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", l.options.Kubeconfig(client))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 1000, 1000
	return config
}

func (l *lab) client(t *testing.T, client string) kubernetes.Interface {
	t.Helper()
	k, err := kubernetes.NewForConfig(l.config(t, client))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// kill ends a child at once and waits for it.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	<-c.exited
}

// terminate asks a child to end and returns how it ended.
func (c *child) terminate(t *testing.T) error {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("%v: it has ended by itself\n%s", err, tail(c.log))
	}
	select {
	case <-c.exited:
		return c.err
	case <-time.After(patience):
		t.Fatalf("does not end\n%s", tail(c.log))
		return nil
	}
}

// tail returns the end of a log.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	const most = 4000
	if len(data) > most {
		data = data[len(data)-most:]
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return string(data)
}
