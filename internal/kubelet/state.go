package kubelet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/diorama-lab/diorama/internal/atomicfile"
	"github.com/diorama-lab/diorama/internal/usage"
	"github.com/diorama-lab/diorama/internal/wait"
)

// savedNode is what a node's counters were when they were last written down.
type savedNode struct {
	UID     types.UID    `json:"uid"`
	At      int64        `json:"at"` // Unix nanoseconds
	Retired usage.Totals `json:"retired"`
	Totals  usage.Totals `json:"totals"`
	Slices  sliceCPU     `json:"slices"`
	// Pods are those whose counters do not follow from their objects alone.
	Pods map[types.UID]savedPod `json:"pods,omitempty"`
}

// savedPod are the courses of a pod's counters.
type savedPod struct {
	Carry        usage.Totals           `json:"carry"`
	NetworkSince int64                  `json:"networkSince"`
	Network      usage.Totals           `json:"network"`
	Containers   map[string]savedCourse `json:"containers"`
}

// savedCourse is the course of a container's latest run, which began at Start.
type savedCourse struct {
	Start   int64        `json:"start"`
	Past    usage.Totals `json:"past"`
	Profile string       `json:"profile"`
	Since   int64        `json:"since"`
	Base    usage.Totals `json:"base"`
	Held    bool         `json:"held,omitempty"`
	CPU     uint64       `json:"cpu,omitempty"`
}

// savePods writes down the pods whose counters another process could not
// know: overrides came or went, profiles changed, containers restarted.
func savePods(pods []*pod) map[types.UID]savedPod {
	var out map[types.UID]savedPod
	for _, p := range pods {
		odd := p.network.since != p.start || p.carry != (usage.Totals{})
		containers := make(map[string]savedCourse, len(p.containers))
		for i := range p.containers {
			c := &p.containers[i]
			k := &c.course
			odd = odd || k.held || k.since != c.start || c.restarts > 0
			containers[c.name] = savedCourse{
				Start: c.start, Past: c.past, Profile: c.spec.Profile.String(),
				Since: k.since, Base: k.base, Held: k.held, CPU: k.cpu,
			}
		}
		if !odd {
			continue
		}
		if out == nil {
			out = map[types.UID]savedPod{}
		}
		out[p.uid] = savedPod{Carry: p.carry, NetworkSince: p.network.since, Network: p.network.base, Containers: containers}
	}
	return out
}

// restoreAll makes up, once the first lists are in, for pods that went away
// while nobody watched: what a node had counted then, and what is there now
// does not account for, was theirs.
func (s *store) restoreAll() {
	if s.restored == nil || !s.syncedPods.Load() || !s.syncedNodes.Load() {
		return
	}
	for name, saved := range s.restored {
		n := s.nodes[name]
		if n == nil || n.facts == nil || n.facts.uid != saved.UID {
			continue
		}
		v := view{facts: n.facts, pods: n.pods, at: saved.At}
		known := v.known()
		gone := saved.Totals.Shortfall(known)
		gone = gone.Add(saved.Retired.Shortfall(gone)) // the greater of both
		n.retired = n.retired.Add(gone)
		n.retiredSlices.makeUp(saved.Slices, v.sliceCPU(saved.At))
	}
	s.restored = nil
}

// save returns what restoreAll needs later. Only the slices are taken under
// the lock: evaluating every pod takes long enough to be felt.
func (s *store) save() map[string]savedNode {
	s.mu.RLock()
	at := s.clock.read()
	views := make([]view, 0, len(s.nodes))
	for _, n := range s.nodes {
		if n.facts != nil {
			views = append(views, view{
				facts: n.facts, pods: n.pods, retired: n.retired, at: at, retiredSlices: n.retiredSlices,
			})
		}
	}
	s.mu.RUnlock()

	out := make(map[string]savedNode, len(views))
	for _, v := range views {
		total := v.retired.Add(v.known())
		out[v.facts.name] = savedNode{
			UID: v.facts.uid, At: at, Retired: v.retired, Totals: total, Pods: savePods(v.pods), Slices: v.sliceCPU(at),
		}
	}
	return out
}

// known is what the node's services and pods account for at the view's instant.
func (v view) known() usage.Totals {
	sum := v.facts.services.Totals(v.facts.boot, v.at)
	for _, p := range v.pods {
		sum = sum.Add(p.totals(v.at))
	}
	return sum
}

// stateInterval is how often counters are written down. What is lost at a
// crash is only what pods deleted since then had used since then.
const stateInterval = 30 * time.Second

// loadState reads what keepState wrote; a file that is not there, or cannot be
// understood, means that nodes begin anew.
func loadState(s *store, path string) error {
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the nodes' counters: %w", err)
	}
	restored := map[string]savedNode{}
	if err := json.Unmarshal(data, &restored); err != nil {
		slog.Warn("The saved counters cannot be read: nodes begin anew.", "file", path, "error", err)
		return nil
	}
	s.restored = restored
	return nil
}

// keepState writes the counters now and then, and when ctx ends.
func keepState(ctx context.Context, s *store, path string) {
	if path == "" {
		return
	}
	for ended := false; !ended; {
		ended = wait.Pause(ctx, stateInterval) != nil
		if !s.synced() {
			continue
		}
		if err := saveState(s, path); err != nil {
			slog.Error("The nodes' counters cannot be kept.", "error", err)
		}
	}
}

func saveState(s *store, path string) error {
	data, err := json.Marshal(s.save())
	if err != nil {
		return err
	}
	return atomicfile.Write(path, 0o600, data)
}
