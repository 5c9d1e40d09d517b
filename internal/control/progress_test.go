package control

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// Who comes late hears all, everyone the end once.
func TestLogFollow(t *testing.T) {
	log := NewLog()
	log.Add(Progress{Detail: "1"})
	first, ended := make(chan string, 4), make(chan error, 1)
	go func() {
		ended <- log.Follow(t.Context(), func(p Progress) error { first <- p.Detail; return nil })
	}()
	if got := received(t, first); got != "1" {
		t.Errorf("the first line is %q", got)
	}
	log.Add(Progress{Detail: "2"})
	log.Add(Progress{Detail: "3", End: true})
	log.Add(Progress{Detail: "of the stop"})
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
	close(first)
	if rest := slices.Collect(values(first)); !slices.Equal(rest, []string{"2", "3"}) {
		t.Errorf("the rest is %q", rest)
	}
	var late []string
	err := log.Follow(t.Context(), func(p Progress) error { late = append(late, p.Detail); return nil })
	if err != nil || !slices.Equal(late, []string{"1", "2", "3"}) {
		t.Errorf("late: %q, %v", late, err)
	}
}

func values[T any](from <-chan T) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for v := range from {
			if !yield(v) {
				return
			}
		}
	}
}

func TestLogFollowEndsEarly(t *testing.T) {
	log := NewLog()
	log.Add(Progress{Detail: "1"})
	broken := errors.New("the client has gone")
	if err := log.Follow(t.Context(), func(Progress) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("it ended with %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := log.Follow(ctx, func(Progress) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}
