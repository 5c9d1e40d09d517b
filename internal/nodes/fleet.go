package nodes

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/diorama-lab/diorama/internal/versions"
)

// MaxNodes is the largest fleet: what Kubernetes itself is tested with.
const MaxNodes = 5000

// Fleet says which nodes to simulate.
//
// What node number i is (its name, type, zone, address, identity) follows from
// i alone, so that growing or shrinking a fleet changes no node that stays.
type Fleet struct {
	// Nodes is how many, 1 to MaxNodes.
	Nodes int
	// Alongside tells that the cluster has real nodes too: real pods are kept off.
	Alongside bool
}

// Validate says whether the fleet can be made.
func (f Fleet) Validate() error {
	switch {
	case f.Nodes < 1:
		return fmt.Errorf("nodes: %d: a cluster needs at least 1 node", f.Nodes)
	case f.Nodes > MaxNodes:
		return fmt.Errorf("nodes: %d: at most %d nodes can be simulated", f.Nodes, MaxNodes)
	}
	return nil
}

// Names are those of the nodes.
func (f Fleet) Names() []string {
	names := make([]string, f.Nodes)
	for i := range names {
		names[i] = nodeName(i)
	}
	return names
}

const (
	kubeletVersion = versions.Kubernetes
	region         = "eu-central-1"
	// podsPerNode is the kubelet's default maximum.
	podsPerNode = 110
	kubeletPort = 10250
	// dedicatedTaint keeps all but the data workloads off the data pool.
	dedicatedTaint = "dedicated"
	poolLabel      = "diorama.dev/pool"
)

// A pool is a kind of machine.
type pool struct {
	name         string
	instanceType string
	arch         string
	cpus         int64
	memoryGiB    int64
	diskGiB      int64
	tainted      bool
}

// poolOf deals the pools out in rounds of ten nodes.
func poolOf(index int) pool {
	switch index % 10 {
	case 1, 6:
		return pool{name: "general", instanceType: "m7i.2xlarge", arch: "amd64", cpus: 8, memoryGiB: 32, diskGiB: 120}
	case 3:
		return pool{name: "arm", instanceType: "m7g.2xlarge", arch: "arm64", cpus: 8, memoryGiB: 32, diskGiB: 120}
	case 5, 8:
		return pool{name: "compute", instanceType: "c7i.2xlarge", arch: "amd64", cpus: 8, memoryGiB: 16, diskGiB: 80}
	case 9:
		return pool{
			name: "data", instanceType: "r7i.2xlarge", arch: "amd64", cpus: 8, memoryGiB: 64, diskGiB: 300, tainted: true,
		}
	}
	return pool{name: "general", instanceType: "m7i.xlarge", arch: "amd64", cpus: 4, memoryGiB: 16, diskGiB: 80}
}

// nodeName names node number index, from 0.
func nodeName(index int) string { return fmt.Sprintf("node-%04d", index+1) }

// nodeAddress is the InternalIP of a node: three subnets of 10.16.0.0/16, one
// for each zone, as in a cloud's private network.
func nodeAddress(index int) string {
	zone, host := index%3, index/3+10
	return fmt.Sprintf("10.16.%d.%d", zone*64+host/256, host%256)
}

// identity derives a stable UUID for a node; what distinguishes several of
// one node.
func identity(name, what string) string {
	sum := sha256.Sum256([]byte(what + "/" + name))
	// Version and variant bits, so that what validates UUIDs accepts it.
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:32]
}

// newNode returns node number index as its kubelet would register it: not
// ready yet, resources and versions known.
func newNode(index int) *corev1.Node {
	name, p := nodeName(index), poolOf(index)
	zone := region + string(rune('a'+index%3))
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Annotations: map[string]string{
				"kwok.x-k8s.io/node":                                     "fake",
				"node.alpha.kubernetes.io/ttl":                           "0",
				"volumes.kubernetes.io/controller-managed-attach-detach": "true",
			},
			Labels: withLabels(managedByLabels(), map[string]string{
				corev1.LabelHostname:                name,
				corev1.LabelTopologyZone:            zone,
				corev1.LabelTopologyRegion:          region,
				corev1.LabelInstanceTypeStable:      p.instanceType,
				corev1.LabelArchStable:              p.arch,
				corev1.LabelOSStable:                "linux",
				"node-role.kubernetes.io/" + p.name: "",
				poolLabel:                           p.name,
				// What KWOK's own tools label their nodes with: pod
				// templates written for them select it.
				"type": "kwok",
			}),
		},
		Spec: corev1.NodeSpec{
			ProviderID: fmt.Sprintf("diorama://%s/%s", zone, name),
		},
		Status: nodeStatus(index, p),
	}
	if p.tainted {
		node.Spec.Taints = []corev1.Taint{{Key: dedicatedTaint, Value: p.name, Effect: corev1.TaintEffectNoSchedule}}
	}
	return node
}

func nodeStatus(index int, p pool) corev1.NodeStatus {
	name := nodeName(index)
	kernel := "6.12.40-63.114.amzn2023." + map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[p.arch]
	return corev1.NodeStatus{
		Capacity:    p.capacity(),
		Allocatable: p.allocatable(),
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: nodeAddress(index)},
			{Type: corev1.NodeHostName, Address: name},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
		NodeInfo: corev1.NodeSystemInfo{
			MachineID:               hexOnly(identity(name, "machine")),
			SystemUUID:              identity(name, "system"),
			BootID:                  identity(name, "boot"),
			KernelVersion:           kernel,
			OSImage:                 "Amazon Linux 2023.9.20251105",
			ContainerRuntimeVersion: "containerd://2.1.5",
			KubeletVersion:          kubeletVersion,
			// Kubelets have stopped reporting it; KWOK would put its own here.
			KubeProxyVersion: kubeletVersion,
			OperatingSystem:  "linux",
			Architecture:     p.arch,
		},
		Images: []corev1.ContainerImage{
			{Names: []string{"registry.k8s.io/pause:3.10.1"}, SizeBytes: 320_448},
			{Names: []string{nodeExporterImage}, SizeBytes: 13_482_237},
			{Names: []string{cniImage}, SizeBytes: 61_284_113},
		},
	}
}

func hexOnly(uuid string) string {
	out := make([]byte, 0, 32)
	for i := range len(uuid) {
		if uuid[i] != '-' {
			out = append(out, uuid[i])
		}
	}
	return string(out)
}

const (
	mebi = int64(1) << 20
	gibi = int64(1) << 30
)

// capacity is what the machine has: a hypervisor and the kernel keep some
// memory of what the instance type promises, a file system some of the disk.
func (p pool) capacity() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewQuantity(p.cpus, resource.DecimalSI),
		corev1.ResourceMemory:           kibi(p.memoryBytes()),
		corev1.ResourceEphemeralStorage: kibi(p.diskBytes()),
		corev1.ResourcePods:             *resource.NewQuantity(podsPerNode, resource.DecimalSI),
		"hugepages-1Gi":                 *resource.NewQuantity(0, resource.DecimalSI),
		"hugepages-2Mi":                 *resource.NewQuantity(0, resource.DecimalSI),
	}
}

// allocatable is capacity less what is reserved for system and kubelet and
// less the eviction thresholds (100 MiB of memory, a tenth of the disk).
func (p pool) allocatable() corev1.ResourceList {
	list := p.capacity()
	list[corev1.ResourceCPU] = *resource.NewMilliQuantity(p.allocatableMilliCPU(), resource.DecimalSI)
	list[corev1.ResourceMemory] = kibi(p.allocatableMemory())
	list[corev1.ResourceEphemeralStorage] = *resource.NewQuantity(p.diskBytes()/10*9-gibi, resource.DecimalSI)
	return list
}

func (p pool) memoryBytes() int64 { return p.memoryGiB * gibi * 97 / 100 &^ 4095 }
func (p pool) diskBytes() int64   { return p.diskGiB*gibi - 12*mebi }

// allocatableMilliCPU reserves 6% of the first CPU, 1% of the second, 0.5% of
// the next two and 0.25% of the rest, as the managed clouds do.
func (p pool) allocatableMilliCPU() int64 {
	reserved := int64(60 + 10)
	reserved += 5 * min(p.cpus-2, 2)
	reserved += max(p.cpus-4, 0) * 10 / 4
	return p.cpus*1000 - reserved
}

// allocatableMemory reserves 255 MiB and 11 MiB for each pod that may run, and
// the eviction threshold.
func (p pool) allocatableMemory() int64 {
	return p.memoryBytes() - (255+11*podsPerNode+100)*mebi
}

func kibi(bytes int64) resource.Quantity {
	return *resource.NewQuantity(bytes&^1023, resource.BinarySI)
}
