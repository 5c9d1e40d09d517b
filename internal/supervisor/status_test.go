package supervisor

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/control"
	"github.com/diorama-lab/diorama/internal/plan"
	"github.com/diorama-lab/diorama/internal/portforward"
	"github.com/diorama-lab/diorama/internal/state"
	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// A step is there while it is under way, with how far it is, and not any more when
// it is done, whatever it still says.
func TestStatusOfSteps(t *testing.T) {
	l := newLab(t)
	said, goOn := make(chan func(string), 1), make(chan struct{})
	l.step("a", nil)
	l.step("images", func(ctx context.Context, report func(string)) error {
		report("pulling 3 of 7")
		said <- report
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return ctx.Err()
	}, "a")
	r := l.up(t)
	report, client := <-said, r.client(t)
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	step, _ := componentOf(status, "images")
	if step.Phase != component.Starting || step.Message != "pulling 3 of 7" || status.Phase != state.Starting {
		t.Errorf("the step is %+v, the environment %s", step, status.Phase)
	}
	if done, there := componentOf(status, "a"); there {
		t.Errorf("a step that is done is there: %+v", done)
	}
	close(goOn)
	var details []string
	err = client.Follow(t.Context(), func(p control.Progress) {
		if p.Detail != "" {
			details = append(details, p.Component+": "+p.Detail)
		}
	})
	if err != nil || !slices.Equal(details, []string{"images: pulling 3 of 7"}) {
		t.Errorf("it reports %q, %v", details, err)
	}
	report("late")
	if status, err = client.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done, there := componentOf(status, "images"); there || status.Phase != state.Ready {
		t.Errorf("the step is there: %+v, the environment is %s", done, status.Phase)
	}
}

// A process is there with its memory, and comes back when it ends.
func TestStatusOfAProcess(t *testing.T) {
	l := newLab(t)
	l.plan.Add(plan.Component{Name: "child", Runs: plan.Process{Args: []string{"serves"}}})
	client := l.up(t).ready(t)
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	child, _ := componentOf(status, "child")
	own, _ := componentOf(status, "supervisor")
	if child.Phase != component.Ready || child.PID == 0 || child.RSSBytes == 0 || own.PID != os.Getpid() {
		t.Fatalf("the process is %+v, the supervisor %+v", child, own)
	}
	// Pages that both have count once.
	if status.RSSBytes < max(child.RSSBytes, own.RSSBytes)/2 || status.RSSBytes > child.RSSBytes+own.RSSBytes {
		t.Errorf("%d and %d bytes are %d together", child.RSSBytes, own.RSSBytes, status.RSSBytes)
	}
	if err := syscall.Kill(child.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "another process is there", func() bool {
		status, err = client.Status(t.Context())
		again, _ := componentOf(status, "child")
		return err == nil && again.Restarts == 1 && again.Phase == component.Ready && again.PID != child.PID &&
			status.Phase == state.Ready
	})
}

func TestMemory(t *testing.T) {
	if held := measure(t.Context(), os.Getpid()); held.share == 0 || held.resident < held.share {
		t.Errorf("this process has %d bytes, its share is %d", held.resident, held.share)
	}
	ended := exec.Command(os.Args[0], "ends")
	if err := ended.Run(); err == nil {
		t.Fatal("it did not fail")
	}
	if held := measure(t.Context(), ended.Process.Pid); held != (memory{}) {
		t.Errorf("a process that is gone has %d bytes, its share is %d", held.resident, held.share)
	}
}

// still is an engine whose containers are there until they are to go.
type still struct{}

func (still) Logs(ctx context.Context, _ string, _ io.Writer) error { <-ctx.Done(); return nil }
func (still) Wait(context.Context, string) (int, error)             { return 0, nil }
func (still) Stop(context.Context, string, int) error               { return nil }
func (still) Memory(context.Context, string) uint64                 { return 300 << 30 }

// The memory of a container is its engine's to know, and not among the processes'.
func TestStatusOfAContainer(t *testing.T) {
	s, _ := served(t)
	lgtm := component.NewContainer(component.ContainerConfig{
		Name: "lgtm", Log: filepath.Join(t.TempDir(), "lgtm.log"), Image: "lgtm:1", Engine: still{},
		Create: func(context.Context) (string, error) { return "c0ffee", nil },
	})
	var err error
	if s.group, err = component.NewGroup(nil, lgtm); err != nil {
		t.Fatal(err)
	}
	if err := s.group.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	waittest.True(t, "its memory is known", func() bool {
		status := s.Status(t.Context())
		c, _ := componentOf(status, "lgtm")
		if c.Container != "c0ffee" || c.StartedIn == "" || status.RSSBytes == 0 || status.RSSBytes >= 300<<30 {
			t.Fatalf("it is %+v, all processes have %d bytes", c, status.RSSBytes)
		}
		return c.RSSBytes == 300<<30
	})
	if unmeasured, total := s.allStatuses(t.Context(), false); total != 0 || unmeasured[1].RSSBytes != 0 {
		t.Errorf("unasked, the memory is measured: %+v", unmeasured)
	}
	if err := s.group.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// What a real cluster is made of, and what is wrong, is the kind's to say.
func TestStatusHasWhatTheKindReports(t *testing.T) {
	l := newLab(t)
	warnings := append(make([]string, 0, 8), "dashboards/a.json: no JSON")
	l.plan.Members = func() []control.ComponentStatus {
		return []control.ComponentStatus{{Status: component.Status{
			Name: "node", Phase: component.NotReady, Message: "is not Ready",
		}}}
	}
	l.plan.Forwards = func() []portforward.Status { return []portforward.Status{{}} }
	l.plan.Warnings = func() []string { return warnings }
	status, err := l.up(t).ready(t).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.Phase != state.Degraded || status.Message != "node is not Ready" {
		t.Errorf("with a member that is not ready it is %s, %q", status.Phase, status.Message)
	}
	if len(status.Forwards) != 1 || !slices.Equal(status.Warnings, warnings) {
		t.Errorf("its status is %+v", status)
	}
}
