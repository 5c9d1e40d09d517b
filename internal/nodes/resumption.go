package nodes

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// resumption makes the watches of one resource go on where the last one ended.
//
// KWOK (its pkg/utils/informer, v0.8.0) asks every watch for resource version
// 0, also one that takes the place of another: the API server then shows all
// objects again as if they were new. A watch that could not keep up while a
// cluster grew is cut off, gets everything again, keeps up even less, and pods
// that run meanwhile are started again from what they were.
type resumption struct {
	mu sync.Mutex
	// version is that of the last object shown; empty if the next watch has
	// to begin as it is asked to.
	version string
}

// watch starts a watch from the last version that was seen.
func (r *resumption) watch(ctx context.Context, options metav1.ListOptions,
	start func(context.Context, metav1.ListOptions) (watch.Interface, error)) (watch.Interface, error) {
	r.mu.Lock()
	if r.version != "" {
		options.ResourceVersion = r.version
	}
	r.mu.Unlock()
	events, err := start(ctx, options)
	if err != nil {
		// The version may be too old to go on from.
		r.set("")
		return nil, err
	}
	return watch.Filter(events, func(event watch.Event) (watch.Event, bool) {
		if event.Type == watch.Error {
			r.set("")
		} else if object, err := meta.Accessor(event.Object); err == nil {
			r.set(object.GetResourceVersion())
		}
		return event, true
	}), nil
}

func (r *resumption) set(version string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.version = version
}
