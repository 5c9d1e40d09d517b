package state

import (
	"net"
	"sync"
	"testing"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/loopback"
)

// Twenty starts at once pick ports of which none is another one's, though nothing
// listens there yet.
func TestPortsAreOneStartsOnly(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	const starts, each = 20, 18
	var mu sync.Mutex
	seen := map[int]bool{}
	held := make([]Ports, starts)
	var all sync.WaitGroup
	for i := range held {
		all.Go(func() {
			ports, err := held[i].Pick(each, nil)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, port := range ports {
				if seen[port] {
					t.Errorf("port %d came twice", port)
				}
				seen[port] = true
				if !isFree(port) {
					t.Errorf("port %d is not free", port)
				}
			}
		})
	}
	all.Wait()
	if len(seen) != starts*each {
		t.Errorf("got %d ports, want %d", len(seen), starts*each)
	}
	for i := range held {
		if err := held[i].Release(); err != nil {
			t.Error(err)
		}
	}
	for port := range seen {
		if again := new(Ports); !again.hold(port) {
			t.Errorf("port %d is held still", port)
		} else if err := again.Release(); err != nil {
			t.Error(err)
		}
	}
}

// What is given, recorded or in use is not picked.
func TestPortsThatAreNotPicked(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	var own, others Ports
	defer func() { _, _ = own.Release(), others.Release() }()
	some, err := others.Pick(6, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := others.Release(); err != nil {
		t.Fatal(err)
	}
	used, given, internal, recorded, held, free := some[0], some[1], some[2], some[3], some[4], some[5]
	listener, err := net.Listen("tcp", loopback.Address(used))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	record := Record{Phase: Stopped, Internal: map[string]int{"etcd": internal}}
	record.Environment.Ports.Prometheus = recorded
	if err := newFolder(t, "another").Write(record); err != nil {
		t.Fatal(err)
	}
	if !others.hold(held) {
		t.Fatal("somebody was faster")
	}
	explicit := []v1alpha1.NamedPort{{Name: "dashboards", Number: given}, {Name: "kubelet"}}
	if picked, err := own.pickOf(some, 1, explicit); err != nil || len(picked) != 1 || picked[0] != free {
		t.Errorf("of %d it picked %d, %v", some, picked, err)
	}
	if others.hold(given) {
		t.Error("what is given can be picked by another one")
	}
	if _, err := new(Ports).pickOf(some, 1, explicit); err == nil {
		t.Error("it picked one that it does not have")
	}
}
