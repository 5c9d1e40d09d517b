package nodes

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// watchOnce starts a watch from resource version 0, as KWOK does, lets it show
// what it is given and returns the version that the API was asked for.
func watchOnce(t *testing.T, r *resumption, shown ...watch.Event) string {
	t.Helper()
	var asked string
	events, err := r.watch(t.Context(), metav1.ListOptions{ResourceVersion: "0"},
		func(_ context.Context, options metav1.ListOptions) (watch.Interface, error) {
			asked = options.ResourceVersion
			source := watch.NewFakeWithChanSize(len(shown), false)
			for _, event := range shown {
				source.Action(event.Type, event.Object)
			}
			source.Stop()
			return source, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range shown {
		if got := <-events.ResultChan(); got != want {
			t.Errorf("shown was %v, want %v", got, want)
		}
	}
	return asked
}

func podEvent(kind watch.EventType, version string) watch.Event {
	return watch.Event{
		Type: kind, Object: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "cart-0", ResourceVersion: version}},
	}
}

func TestWatchGoesOnWhereItWasCutOff(t *testing.T) {
	var r resumption
	for _, step := range []struct {
		begins string
		shows  []watch.Event
	}{
		{"0", []watch.Event{podEvent(watch.Added, "7"), podEvent(watch.Modified, "9")}},
		{"9", []watch.Event{podEvent(watch.Deleted, "12")}},
		{"12", []watch.Event{podEvent(watch.Bookmark, "4711")}},
		{"4711", nil},
		{"4711", nil},
	} {
		if got := watchOnce(t, &r, step.shows...); got != step.begins {
			t.Fatalf("the watch begins at %q, want %q", got, step.begins)
		}
	}
}

func TestWatchBeginsAgainAfterAnError(t *testing.T) {
	var r resumption
	expired := watch.Event{
		Type: watch.Error, Object: &metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonExpired},
	}
	watchOnce(t, &r, podEvent(watch.Added, "7"), expired)
	if got := watchOnce(t, &r, podEvent(watch.Added, "90")); got != "0" {
		t.Errorf("after a version was too old, the watch begins at %q, want 0", got)
	}

	refused := errors.New("too old resource version")
	refuse := func(context.Context, metav1.ListOptions) (watch.Interface, error) { return nil, refused }
	_, err := r.watch(t.Context(), metav1.ListOptions{}, refuse)
	if !errors.Is(err, refused) {
		t.Errorf("the error is %v, want %v", err, refused)
	}
	if got := watchOnce(t, &r); got != "0" {
		t.Errorf("after a watch was refused, the next begins at %q, want 0", got)
	}
}
