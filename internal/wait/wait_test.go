package wait_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

var errAway = errors.New("away")

// answer is what a check says at one call.
type answer struct {
	done bool
	err  error
}

func TestUntil(t *testing.T) {
	for _, c := range []struct {
		name    string
		limit   time.Duration
		answers []answer // the last one stays
		want    []error
		calls   int
		took    time.Duration
	}{
		{"done at once", time.Minute, []answer{{true, nil}}, nil, 1, 0},
		{
			"an error that passes", time.Minute, []answer{{false, errAway}, {false, nil}, {true, nil}},
			nil, 3, 2 * time.Second,
		},
		{"an error for good", time.Minute, []answer{{false, nil}, {true, errAway}}, []error{errAway}, 2, time.Second},
		{
			"never done", 2500 * time.Millisecond, []answer{{false, nil}},
			[]error{context.DeadlineExceeded}, 3, 2500 * time.Millisecond,
		},
		{
			"never done, for a reason", 2500 * time.Millisecond, []answer{{false, nil}, {false, errAway}},
			[]error{errAway, context.DeadlineExceeded}, 3, 2500 * time.Millisecond,
		},
		{"a context that has ended", 0, []answer{{false, errAway}}, []error{errAway, context.DeadlineExceeded}, 1, 0},
		{"done all the same", 0, []answer{{true, nil}}, nil, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				calls, began := 0, time.Now()
				err := wait.Until(ctx, time.Second, func(context.Context) (bool, error) {
					calls++
					a := c.answers[min(calls, len(c.answers))-1]
					return a.done, a.err
				})
				if (err == nil) != (c.want == nil) {
					t.Errorf("the error is %v", err)
				}
				for _, want := range c.want {
					if !errors.Is(err, want) {
						t.Errorf("the error is %v, and not %v", err, want)
					}
				}
				if took := time.Since(began); calls != c.calls || took != c.took {
					t.Errorf("%d calls in %v, want %d in %v", calls, took, c.calls, c.took)
				}
			})
		})
	}
}

func TestEvery(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit time.Duration
		takes time.Duration
		want  []time.Duration // when it is called
	}{
		{"quick", 2500 * time.Millisecond, 0, []time.Duration{0, time.Second, 2 * time.Second}},
		{"slow", 4500 * time.Millisecond, 2500 * time.Millisecond, []time.Duration{0, 2500 * time.Millisecond}},
		{"a context that has ended", 0, 0, []time.Duration{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				var got []time.Duration
				began := time.Now()
				wait.Every(ctx, time.Second, func(context.Context) {
					got = append(got, time.Since(began))
					time.Sleep(c.takes)
				})
				if !slices.Equal(got, c.want) {
					t.Errorf("called at %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := wait.Pause(t.Context(), time.Second); err != nil || time.Since(began) != time.Second {
			t.Errorf("waited %v, %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, pause := range []time.Duration{time.Hour, time.Hour, 0} { // the later ones of an ended context
			err := wait.Pause(ctx, pause)
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 2*time.Second {
				t.Errorf("ended after %v, %v", took, err)
			}
		}
	})
}
