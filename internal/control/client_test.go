package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/diorama-lab/diorama/internal/component"
	"github.com/diorama-lab/diorama/internal/state"
)

func TestStatusComesAsItIs(t *testing.T) {
	status := Status{
		Name: "second", Phase: state.Degraded, Message: "etcd ended", CreatedAt: time.Unix(1700000000, 0).UTC(),
		Cluster: ClusterStatus{Nodes: NodeCounts{Desired: 5, Ready: 4}, JobPods: 2},
		Components: []ComponentStatus{{
			Status: component.Status{Name: "etcd", Phase: component.Restarting, Restarts: 3}, RSSBytes: 7 << 20,
		}},
		Telemetry: Telemetry{LastSampleAge: -1}, Warnings: []string{"one"},
	}
	got, err := served(t, &scripted{status: status}).Status(t.Context())
	if err != nil || !reflect.DeepEqual(got, status) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What a supervisor of another version, or none at all, may answer.
func TestAnswersThatAreNone(t *testing.T) {
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
	}
	status := func(ctx context.Context, c *Client) error { _, err := c.Status(ctx); return err }
	follow := func(ctx context.Context, c *Client) error { return c.Follow(ctx, func(Progress) {}) }
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		ask    func(context.Context, *Client) error
		want   string
	}{
		"a status that is no JSON": {says("hello"), status, "reading the status"},
		"a line that is no JSON":   {says("hello\n"), follow, "reading the supervisor's progress"},
		"no end line":              {says(`{"component":"etcd"}` + "\n"), follow, "ended before it was done"},
		"an end in the middle of a line": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"component":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, follow, "reading the supervisor's progress"},
		"a line without end": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat("x", 2<<20))
		}, follow, bufio.ErrTooLong.Error()},
		"a refusal": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no such request", http.StatusNotFound)
		}, follow, "the supervisor refused: no such request"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.ask(t.Context(), answered(t, test.answer)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v, want %q", err, test.want)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	client := NewClient(state.Record{Control: filepath.Join(t.TempDir(), "none.sock")})
	_, status := client.Status(t.Context())
	for name, err := range map[string]error{
		"status": status, "stop": client.Stop(t.Context(), false),
		"follow": client.Follow(t.Context(), func(Progress) {}),
		"scale":  client.Scale(t.Context(), 1, 1, func(Progress) {}),
	} {
		if err == nil || !strings.Contains(err.Error(), "asking the supervisor") {
			t.Errorf("%s: it says %v", name, err)
		}
	}
}

// A line of progress may be as long as what a component says of its end.
func TestScale(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for _, failure := range []error{nil, errors.New("there are only 3 addresses")} {
		client := served(t, &scripted{scale: func(size Size, emit func(Progress) error) error {
			if size != (Size{Nodes: 3, Pods: 7}) {
				t.Errorf("it is to have %+v", size)
			}
			return errors.Join(emit(Progress{Component: "cluster", Detail: long}), emit(Progress{Detail: "2"}), failure)
		}})
		var lines []string
		err := client.Scale(t.Context(), 3, 7, func(p Progress) { lines = append(lines, p.Detail) })
		if fmt.Sprint(err) != fmt.Sprint(failure) || !slices.Equal(lines, []string{long, "2"}) {
			t.Errorf("it ended with %v after %d lines, want %v", err, len(lines), failure)
		}
	}
}

// A change of size goes on without who asked for it.
func TestScaleGoesOnWithoutItsClient(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	noticed := make(chan struct{})
	client := served(t, &scripted{scale: func(_ Size, emit func(Progress) error) error {
		for {
			if err := emit(Progress{Detail: "working"}); err != nil {
				close(noticed)
				return nil
			}
		}
	}})
	if err := client.Scale(ctx, 3, 7, func(Progress) { leave() }); !errors.Is(err, context.Canceled) {
		t.Errorf("the client gets %v", err)
	}
	received(t, noticed)
}

func TestStop(t *testing.T) {
	kept := make(chan bool, 1)
	client := served(t, &scripted{stop: func(keepData bool) { kept <- keepData }})
	for _, keepData := range []bool{true, false} {
		if err := client.Stop(t.Context(), keepData); err != nil {
			t.Fatal(err)
		}
		if got := received(t, kept); got != keepData {
			t.Errorf("asked to keep the data: %t, got %t", keepData, got)
		}
	}
}

// A supervisor that hangs can be ended with the words of the error.
func TestStopIsNotAnswered(t *testing.T) {
	release := make(chan struct{})
	client := served(t, &scripted{stop: func(bool) { <-release }})
	t.Cleanup(func() { close(release) })
	client.limit = 20 * time.Millisecond
	err := client.Stop(t.Context(), false)
	if !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "(pid 4711) has not answered for 20ms; `kill -9 4711` ends it") {
		t.Errorf("it says %v", err)
	}
	// It may be well if it was not given the time.
	client.limit = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = client.Stop(ctx, false)
	if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "kill") {
		t.Errorf("who did not wait gets %v", err)
	}
}
