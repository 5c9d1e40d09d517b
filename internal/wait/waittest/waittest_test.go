package waittest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/diorama-lab/diorama/internal/wait/waittest"
)

// failing is a test that may fail.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper() {}

func (f *failing) Context() context.Context { return context.Background() }

func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// outcome is what a test that does this fails with.
func outcome(do func(testing.TB)) string {
	f, ended := &failing{}, make(chan struct{})
	go func() {
		defer close(ended)
		do(f)
	}()
	<-ended
	return f.message
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		waittest.Until(t, "the third call", func(context.Context) error {
			if calls++; calls < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		waittest.True(t, "the fifth call", func() bool { calls++; return calls >= 5 })

		began := time.Now()
		got := outcome(func(t testing.TB) {
			waittest.Until(t, "it is there", func(context.Context) error { return errors.New("there is nothing") })
		})
		if !strings.HasSuffix(got, "until it is there: there is nothing") || time.Since(began) < waittest.Patience {
			t.Errorf("failed with %q after %v", got, time.Since(began))
		}
		got = outcome(func(t testing.TB) { waittest.True(t, "it is so", func() bool { return false }) })
		if !strings.HasSuffix(got, "until it is so: it is not so") {
			t.Errorf("failed with %q", got)
		}
	})
}

// A check that hangs is asked again.
func TestAttemptsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, calls := time.Now(), 0
		waittest.Until(t, "the second call", func(ctx context.Context) error {
			if calls++; calls > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		if took := time.Since(began); calls != 2 || took >= waittest.Patience {
			t.Errorf("%d calls in %v", calls, took)
		}
	})
}
