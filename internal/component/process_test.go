package component

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childEnv makes this test binary play a child process.
const childEnv = "COMPONENT_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		os.Exit(child(role))
	}
	goleak.VerifyTestMain(m)
}

// child is what the processes of these tests do.
func child(role string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	ctx, _ = Lifeline(ctx)
	if path := os.Getenv("COMPONENT_TEST_PIDS"); path != "" {
		if err := notePID(path); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	switch role {
	case "fails":
		fmt.Println("cannot open the frobnicator")
		return 3
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		return serve(context.Background())
	case "parent":
		return parent()
	default:
		return serve(ctx)
	}
}

// notePID lets the test know of every process that there ever was.
func notePID(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, os.Getpid())
	return errors.Join(err, file.Close())
}

// serve answers on the address that the environment names until ctx ends.
func serve(ctx context.Context) int {
	listener, err := net.Listen("tcp", os.Getenv("COMPONENT_TEST_ADDRESS"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, os.Getpid())
	})}
	go func() { _ = server.Serve(listener) }()
	<-ctx.Done()
	return 0
}

// parent starts a process, prints its pid and is killed.
func parent() int {
	p := NewProcess(ProcessConfig{
		Name: "grandchild", Path: os.Args[0], Log: os.Getenv("COMPONENT_TEST_LOG"),
		Env: []string{childEnv + "=serves", "COMPONENT_TEST_ADDRESS=127.0.0.1:0"},
	})
	if err := p.Start(context.Background()); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Printf("grandchild %d\n", p.Status().PID)
	select {}
}

// hurried is for tests, which do not wait as long as people do.
var hurried = Patience{
	Starting: 5 * time.Millisecond, Period: 10 * time.Millisecond, Again: 10 * time.Millisecond,
	RestartFirst: 5 * time.Millisecond, RestartMost: 20 * time.Millisecond,
}

// newChild returns a process in the given role and the address it serves on.
func newChild(t *testing.T, role string) (*Process, string) {
	t.Helper()
	address := freeAddress(t)
	p := NewProcess(ProcessConfig{
		Name: role, Path: os.Args[0], Log: filepath.Join(t.TempDir(), role+".log"),
		Env:      []string{childEnv + "=" + role, "COMPONENT_TEST_ADDRESS=" + address},
		Probe:    func(ctx context.Context) error { _, err := ask(ctx, address); return err },
		Patience: hurried,
	})
	stopped(t, p)
	return p, address
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// stopped stops a component at the end of the test.
func stopped(t *testing.T, c Component) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func ask(ctx context.Context, address string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
	if err != nil {
		return 0, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var pid int
	_, err = fmt.Fscan(response.Body, &pid)
	return pid, err
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestProcessServesAndStops(t *testing.T) {
	p, address := newChild(t, "serves")
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	status := p.Status()
	if pid, err := ask(t.Context(), address); err != nil || pid != status.PID || status.Phase != Ready {
		t.Fatalf("process %d answered %v, status is %+v", pid, err, status)
	}
	for range 2 {
		if err := p.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !gone(status.PID) || p.Status().Phase != Stopped || p.Status().PID != 0 {
		t.Errorf("it still runs: %+v", p.Status())
	}
}

func TestProcessIsRestartedAfterKill(t *testing.T) {
	p, address := newChild(t, "serves")
	if err := errors.Join(p.Start(t.Context()), p.Ready(t.Context())); err != nil {
		t.Fatal(err)
	}
	first := p.Status().PID
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another process answers", func() bool {
		pid, err := ask(t.Context(), address)
		return err == nil && pid != first && p.Status().Phase == Ready
	})
	if got := p.Status().Restarts; got != 1 {
		t.Errorf("restarts are %d, want 1", got)
	}
}

func TestProcessThatFailsSaysWhy(t *testing.T) {
	p, _ := newChild(t, "fails")
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := p.Ready(t.Context())
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Reason != "exit status 3" ||
		!strings.Contains(err.Error(), "cannot open the frobnicator") {
		t.Fatalf("got %v, want the exit status and the log's last line", err)
	}
	eventually(t, "the phase says so", func() bool { return p.Status().Phase == Failed })
}

func TestProcessThatDoesNotExist(t *testing.T) {
	dir := t.TempDir()
	p := NewProcess(ProcessConfig{Name: "none", Path: filepath.Join(dir, "none"), Log: filepath.Join(dir, "log")})
	if err := p.Start(t.Context()); err == nil {
		t.Fatal("it started")
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestProcessStopBeforeStartAndReadyBeforeStart(t *testing.T) {
	p, _ := newChild(t, "serves")
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Ready(t.Context()); err == nil {
		t.Error("a process that was never started is ready")
	}
}

func TestProcessReadyEndsWithItsContext(t *testing.T) {
	p := NewProcess(ProcessConfig{
		Name: "slow", Path: os.Args[0], Log: filepath.Join(t.TempDir(), "log"),
		Env:   []string{childEnv + "=serves", "COMPONENT_TEST_ADDRESS=127.0.0.1:0"},
		Probe: func(context.Context) error { return errors.New("not yet") },
	})
	stopped(t, p)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	eventually(t, "it was asked", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.answers.last != nil
	})
	cancel()
	err := p.Ready(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "not yet") {
		t.Errorf("got %v, want the cancellation and what the probe said", err)
	}
}

func TestProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	p, _ := newChild(t, "stubborn")
	if err := errors.Join(p.Start(t.Context()), p.Ready(t.Context())); err != nil {
		t.Fatal(err)
	}
	pid := p.Status().PID
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if !gone(pid) {
		t.Error("it still runs")
	}
}

func TestChildEndsWithItsKilledParent(t *testing.T) {
	log := filepath.Join(t.TempDir(), "parent.log")
	p := NewProcess(ProcessConfig{
		Name: "parent", Path: os.Args[0], Log: log,
		Env: []string{childEnv + "=parent", "COMPONENT_TEST_LOG=" + filepath.Join(t.TempDir(), "grandchild.log")},
	})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	var grandchild int
	eventually(t, "the parent names its child", func() bool {
		data, err := os.ReadFile(log)
		if err != nil {
			return false
		}
		_, after, found := strings.Cut(string(data), "grandchild ")
		if !found || !strings.HasSuffix(after, "\n") {
			return false
		}
		grandchild, err = strconv.Atoi(strings.TrimSpace(after))
		return err == nil
	})
	if err := syscall.Kill(p.Status().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the grandchild has ended", func() bool { return gone(grandchild) })
}
