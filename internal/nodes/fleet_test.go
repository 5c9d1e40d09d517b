package nodes

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"
)

func TestNodesOfAFleetAreDistinct(t *testing.T) {
	seen := map[string]string{}
	for i := range MaxNodes {
		node := newNode(i)
		info := node.Status.NodeInfo
		if _, err := netip.ParseAddr(node.Status.Addresses[0].Address); err != nil {
			t.Fatalf("%s: %v", node.Name, err)
		}
		for what, value := range map[string]string{
			"name": node.Name, "address": node.Status.Addresses[0].Address, "provider ID": node.Spec.ProviderID,
			"machine ID": info.MachineID, "system UUID": info.SystemUUID, "boot ID": info.BootID,
		} {
			if other, twice := seen[what+value]; twice {
				t.Fatalf("%s and %s have the same %s %s", other, node.Name, what, value)
			}
			seen[what+value] = node.Name
		}
	}
}

// A node is what its number says, so that a change of size changes no other.
func TestANodeFollowsFromItsNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, MaxNodes-1).Draw(t, "number")
		if !reflect.DeepEqual(newNode(i), newNode(i)) {
			t.Fatalf("node %d is not the same twice", i)
		}
	})
}

func TestAllocatableIsWithinCapacity(t *testing.T) {
	for i := range 10 {
		status := newNode(i).Status
		for name, allocatable := range status.Allocatable {
			capacity := status.Capacity[name]
			if allocatable.Cmp(capacity) > 0 {
				t.Errorf("node %d has %s %s allocatable of %s", i, allocatable.String(), name, capacity.String())
			}
		}
		for _, name := range []corev1.ResourceName{
			corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage,
		} {
			allocatable, capacity := status.Allocatable[name], status.Capacity[name]
			if allocatable.AsApproximateFloat64() < capacity.AsApproximateFloat64()*0.8 {
				t.Errorf("node %d keeps more than a fifth of its %s from pods: %s of %s", i, name,
					allocatable.String(), capacity.String())
			}
		}
	}
}

// Ten nodes are enough to see every pool, three to see every zone.
func TestAFleetIsMixed(t *testing.T) {
	pools, zones, architectures, tainted := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0
	for i := range 10 {
		node := newNode(i)
		pools[node.Labels[poolLabel]] = true
		zones[node.Labels[corev1.LabelTopologyZone]] = true
		architectures[node.Status.NodeInfo.Architecture] = true
		tainted += len(node.Spec.Taints)
	}
	if len(pools) != 4 || len(zones) != 3 || len(architectures) != 2 || tainted != 1 {
		t.Errorf("pools %v, zones %v, architectures %v, %d taints", pools, zones, architectures, tainted)
	}
}

func TestFleetLimits(t *testing.T) {
	for nodes, want := range map[int]string{
		-1: "at least 1 node", 0: "at least 1 node", 1: "", MaxNodes: "", MaxNodes + 1: "at most 5000 nodes",
	} {
		err := Fleet{Nodes: nodes}.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d nodes: %v, want %q", nodes, err, want)
		}
	}
}
