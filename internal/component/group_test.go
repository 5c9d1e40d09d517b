package component

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// scripted is a component that notes what is asked of it in a shared journal.
type scripted struct {
	name    string
	needs   []string
	journal *journal
	ready   func(ctx context.Context) error
	stopErr error
}

type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) index(line string) int { return slices.Index(j.lines, line) }

func (s *scripted) Name() string    { return s.name }
func (s *scripted) Needs() []string { return s.needs }

func (s *scripted) Start(context.Context) error { s.journal.note("start " + s.name); return nil }

func (s *scripted) Ready(ctx context.Context) error {
	if s.ready != nil {
		return s.ready(ctx)
	}
	s.journal.note("ready " + s.name)
	return nil
}

func (s *scripted) Stop(context.Context) error { s.journal.note("stop " + s.name); return s.stopErr }

func TestNewGroupRefuses(t *testing.T) {
	j := &journal{}
	for name, test := range map[string]struct {
		components []Component
		want       string
	}{
		"a name twice": {[]Component{
			&scripted{name: "a", journal: j}, &scripted{name: "a", journal: j},
		}, "two components are called a"},
		"a missing need": {[]Component{
			&scripted{name: "a", needs: []string{"b"}, journal: j},
		}, "a needs b, which does not exist"},
		"a circle": {[]Component{
			&scripted{name: "a", needs: []string{"b"}, journal: j}, &scripted{name: "b", needs: []string{"a"}, journal: j},
		}, "in a circle: a → b → a"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewGroup(nil, test.components...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestGroupOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	j := &journal{}
	// left and right only become ready together: they have to start in parallel.
	var both sync.WaitGroup
	both.Add(2)
	meet := func(name string) func(context.Context) error {
		return func(context.Context) error { both.Done(); both.Wait(); j.note("ready " + name); return nil }
	}
	group, err := NewGroup(nil,
		&scripted{name: "top", needs: []string{"left", "right"}, journal: j},
		&scripted{name: "left", needs: []string{"base"}, journal: j, ready: meet("left")},
		&scripted{name: "right", needs: []string{"base"}, journal: j, ready: meet("right")},
		&scripted{name: "base", journal: j},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := group.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := group.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, order := range [][2]string{
		{"ready base", "start left"}, {"ready base", "start right"},
		{"ready left", "start top"}, {"ready right", "start top"},
		{"stop top", "stop left"}, {"stop top", "stop right"},
		{"stop left", "stop base"}, {"stop right", "stop base"},
	} {
		if a, b := j.index(order[0]), j.index(order[1]); a < 0 || b < 0 || a > b {
			t.Errorf("%q has to come before %q in %q", order[0], order[1], j.lines)
		}
	}
	before := len(j.lines)
	if err := group.Stop(t.Context()); err != nil || len(j.lines) != before {
		t.Errorf("a second Stop did something: %v, %q", err, j.lines[before:])
	}
}

func TestGroupFailureEndsTheOthersAndNamesTheCause(t *testing.T) {
	defer goleak.VerifyNone(t)
	j := &journal{}
	broken := errors.New("no such thing")
	group, err := NewGroup(nil,
		&scripted{name: "slow", journal: j, ready: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		&scripted{name: "broken", journal: j, ready: func(context.Context) error { return broken }},
		&scripted{name: "after", needs: []string{"broken"}, journal: j},
	)
	if err != nil {
		t.Fatal(err)
	}
	err = group.Start(t.Context())
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "broken: ") || strings.Contains(err.Error(), "slow") {
		t.Fatalf("got %v, want the cause alone", err)
	}
	if err := group.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j.index("start after") >= 0 || j.index("stop after") >= 0 {
		t.Errorf("a component whose need failed was touched: %q", j.lines)
	}
	if j.index("stop slow") < 0 || j.index("stop broken") < 0 {
		t.Errorf("not all that was started was stopped: %q", j.lines)
	}
}

func TestGroupStopGoesOnAfterAnError(t *testing.T) {
	j := &journal{}
	stuck := errors.New("stuck")
	group, err := NewGroup(nil,
		&scripted{name: "base", journal: j},
		&scripted{name: "top", needs: []string{"base"}, journal: j, stopErr: stuck},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := group.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := group.Stop(t.Context()); !errors.Is(err, stuck) {
		t.Fatalf("got %v, want %v", err, stuck)
	}
	if j.index("stop base") < 0 {
		t.Errorf("base was left running: %q", j.lines)
	}
}

// reporting is a component that says what phase it is in.
type reporting struct {
	scripted
	phase Phase
}

func (c *reporting) Status() Status { return Status{Name: c.name, Phase: c.phase} }

func TestGroupWaits(t *testing.T) {
	etcd := &reporting{scripted{name: "etcd"}, Ready}
	group, err := NewGroup(nil, etcd, &scripted{name: "bootstrap", needs: []string{"etcd"}},
		&scripted{name: "collector", needs: []string{"bootstrap"}}, &scripted{name: "backend"})
	if err != nil {
		t.Fatal(err)
	}
	for phase, want := range map[Phase]bool{
		Ready: false, NotReady: true, Restarting: true, Failed: true, Starting: false,
	} {
		etcd.phase = phase
		if got := group.Waits("collector"); got != want {
			t.Errorf("etcd is %s, and collector waits: %v, want %v", phase, got, want)
		}
		if group.Waits("backend") || group.Waits("etcd") {
			t.Errorf("etcd is %s, and what does not need it waits", phase)
		}
	}
}

func TestGroupEvents(t *testing.T) {
	var mu sync.Mutex
	var phases []Phase
	group, err := NewGroup(func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		phases = append(phases, e.Phase)
	}, &Step{StepName: "only", Do: nothing})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := errors.Join(group.Start(ctx), group.Stop(ctx)); err != nil {
		t.Fatal(err)
	}
	if want := []Phase{Starting, Ready, Stopping, Stopped}; !slices.Equal(phases, want) {
		t.Errorf("got %q, want %q", phases, want)
	}
}

// nothing is the work of a step that has none.
func nothing(context.Context, func(string)) error { return nil }
