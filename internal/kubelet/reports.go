package kubelet

import (
	"log/slog"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"
)

// sayAgain is how long a problem that lasts is not said again. Events are kept
// for an hour: who looks for it finds one.
const sayAgain = int64(20 * time.Minute)

// maxText is about what an event's message may have; a compiler's errors quote the expression.
const maxText = 1000

// maxReports is when what was said long ago is forgotten.
const maxReports = 4096

// reports says what is wrong with usage that somebody asked for: as a warning
// event on an object, and in the log. It is used under store.changing.
type reports struct {
	clock    *clock
	recorder record.EventRecorder // nil: only the log
	said     map[report]int64
}

// report is a problem and where it was met. The texts say which object is at
// fault: what is wrong with a workload is said on one of its pods.
type report struct{ kind, place, text string }

func newReports(c *clock) *reports { return &reports{clock: c, said: map[report]int64{}} }

// onPod reports a problem of the pod.
func (r *reports) onPod(p *pod, reason, text string) {
	r.say(&corev1.ObjectReference{
		APIVersion: "v1", Kind: "Pod", Namespace: p.object.Namespace, Name: p.object.Name, UID: p.uid,
		ResourceVersion: p.object.ResourceVersion,
	}, reason, text)
}

// onNode reports, on the node that the pod runs on, a problem of an object
// that concerns many pods.
func (r *reports) onNode(f *nodeFacts, reason, text string) {
	r.say(&corev1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: f.name, UID: f.uid}, reason, text)
}

func (r *reports) say(on *corev1.ObjectReference, reason, text string) {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	key, now := report{on.Kind, on.Namespace, text}, r.clock.read()
	if on.Kind == "Node" {
		key.place = on.Name
	}
	if at, said := r.said[key]; said && now-at < sayAgain {
		return
	}
	if len(r.said) >= maxReports {
		for old, at := range r.said {
			if now-at >= sayAgain {
				delete(r.said, old)
			}
		}
	}
	r.said[key] = now
	slog.Warn(text, "reason", reason, "kind", on.Kind, "namespace", on.Namespace, "name", on.Name)
	if r.recorder != nil {
		r.recorder.Event(on, corev1.EventTypeWarning, reason, text)
	}
}
