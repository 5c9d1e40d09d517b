package kubelet

import (
	corev1 "k8s.io/api/core/v1"
)

type volumeKind int8

const (
	diskVolume   volumeKind = iota // emptyDir or configMap: lives on the node's disk
	memoryVolume                   // emptyDir of medium Memory
	filesVolume                    // secret, projected, downwardAPI: files in memory
	claimVolume
)

// volume is one volume that the summary reports.
type volume struct {
	name  string
	kind  volumeKind
	size  uint64 // limit of an emptyDir, 0 if none
	files uint64 // how many the volume holds
	claim string // namespace/name
}

// newVolumes reads the volumes that a kubelet measures; it leaves out hostPath
// and what it has no measure for (CSI inline volumes, network file systems).
func newVolumes(o *corev1.Pod) []volume {
	var out []volume
	for i := range o.Spec.Volumes {
		v := &o.Spec.Volumes[i]
		n := volume{name: v.Name}
		switch {
		case v.EmptyDir != nil:
			n.files = 2
			if v.EmptyDir.SizeLimit != nil {
				n.size = amount(corev1.ResourceStorage, *v.EmptyDir.SizeLimit)
			}
			if v.EmptyDir.Medium == corev1.StorageMediumMemory {
				n.kind = memoryVolume
			}
		case v.ConfigMap != nil:
			n.files = 7
		case v.Secret != nil:
			n.kind, n.files = filesVolume, 5
		case v.DownwardAPI != nil:
			n.kind, n.files = filesVolume, 5
		case v.Projected != nil:
			n.kind, n.files = filesVolume, 9
		case v.PersistentVolumeClaim != nil:
			n.kind, n.claim = claimVolume, o.Namespace+"/"+v.PersistentVolumeClaim.ClaimName
		case v.Ephemeral != nil:
			n.kind, n.claim = claimVolume, o.Namespace+"/"+o.Name+"-"+v.Name
		default:
			continue
		}
		out = append(out, n)
	}
	return out
}
