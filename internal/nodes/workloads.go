package nodes

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// MaxPods is the largest number of pods that can be asked for.
const MaxPods = 20000

// Workloads says what runs on the nodes.
type Workloads struct {
	// Pods is the number of long-running pods: those of Deployments and
	// StatefulSets, 0 to MaxPods. Once all is ready, exactly that many are
	// Running. Pods of DaemonSets (two on every node) and of Jobs, which
	// come and go, are not among them; Counts has them apart. With 0 Pods
	// there are no Jobs either.
	Pods int
	// Template, if set, is a v1 Pod in YAML or JSON that replaces the
	// default workloads: all Pods are its replicas, through a Deployment.
	Template []byte
	// TemplateFile names the template in errors.
	TemplateFile string
	// Alongside tells that the cluster has real nodes too, which the pods are not
	// to run on.
	Alongside bool
}

// Validate says whether the workloads can be made, on whatever fleet.
func (w Workloads) Validate() error {
	switch {
	case w.Pods < 0:
		return fmt.Errorf("pods: %d: must not be negative", w.Pods)
	case w.Pods > MaxPods:
		return fmt.Errorf("pods: %d: at most %d pods can be simulated", w.Pods, MaxPods)
	}
	if w.Template != nil {
		_, err := parseTemplate(w.TemplateFile, w.Template)
		return err
	}
	return nil
}

// object is an API object that Scale can create, compare and delete.
type object interface {
	metav1.Object
	runtime.Object
}

// Names that the workloads of all namespaces refer to.
const (
	storageClass      = "standard"
	csiDriver         = "csi.diorama.dev"
	criticalPriority  = "business-critical"
	nodeExporterImage = "quay.io/prometheus/node-exporter:v1.10.2"
	cniImage          = "quay.io/cilium/cilium:v1.18.4"
)

// profileAnnotation tells the simulated kubelet how a workload's pods use what.
const profileAnnotation = "diorama.dev/profile"

// workloadObjects returns the slot's controller and what its pods need.
func (s slot) workloadObjects() []object {
	labels := s.labels()
	selector := map[string]string{nameLabel: s.name, instanceLabel: s.instance()}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec:       s.podSpec(),
	}
	meta := metav1.ObjectMeta{Name: s.name, Namespace: s.namespace, Labels: labels}
	if s.profile != "" {
		meta.Annotations = map[string]string{profileAnnotation: s.profile}
	}
	replicas := ptr.To(int32(s.replicas))
	var objects []object
	if s.kind == statefulSet {
		objects = append(objects, &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{
			Replicas:    replicas,
			ServiceName: s.name,
			// In order, each pod would wait seconds for the claim of the
			// one before it; most operators ask for all at once, too.
			PodManagementPolicy:  appsv1.ParallelPodManagement,
			Selector:             &metav1.LabelSelector{MatchLabels: selector},
			Template:             template,
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{s.claimTemplate()},
		}})
	} else {
		objects = append(objects, &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
			Replicas:             replicas,
			RevisionHistoryLimit: ptr.To[int32](3),
			Selector:             &metav1.LabelSelector{MatchLabels: selector},
			Template:             template,
		}})
	}
	return append(objects, s.supportObjects(selector)...)
}

func (s slot) instance() string { return fmt.Sprintf("%s-%d", s.name, s.copy) }

func (s slot) labels() map[string]string {
	return withLabels(managedByLabels(), map[string]string{
		nameLabel:      s.name,
		instanceLabel:  s.instance(),
		componentLabel: s.component,
		partOfLabel:    s.namespace,
	})
}

func (s slot) podSpec() corev1.PodSpec {
	containers := make([]corev1.Container, len(s.containers))
	copy(containers, s.containers)
	if s.port != 0 {
		containers[0].Ports = []corev1.ContainerPort{{Name: "main", ContainerPort: s.port}}
	}
	spec := corev1.PodSpec{
		InitContainers:    s.init,
		Containers:        containers,
		Volumes:           s.volumes,
		PriorityClassName: s.priority,
	}
	if !s.apiAccess {
		spec.AutomountServiceAccountToken = ptr.To(false)
	}
	if s.dedicated {
		spec.Tolerations = []corev1.Toleration{{Key: dedicatedTaint, Value: "data", Effect: corev1.TaintEffectNoSchedule}}
		spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			// Preferred: a small fleet has no node of that pool.
			PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{
				Weight: 50,
				Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: poolLabel, Operator: corev1.NodeSelectorOpIn, Values: []string{"data"}},
				}},
			}},
		}}
	}
	return spec
}

func (s slot) claimTemplate() corev1.PersistentVolumeClaim {
	return corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName: ptr.To(storageClass),
			VolumeMode:       ptr.To(corev1.PersistentVolumeFilesystem),
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: quantity(s.claim)},
			},
		},
	}
}

// daemonPodsPerNode is the number of daemonSets.
const daemonPodsPerNode = 2

// daemonSets returns what runs on every node.
func daemonSets() []*appsv1.DaemonSet {
	exporter := mounted(container("node-exporter", nodeExporterImage, "20m", "32Mi", "", "64Mi"), "proc",
		"/host/proc", "sys", "/host/sys")
	exporter.Ports = []corev1.ContainerPort{{Name: "metrics", ContainerPort: 9100, HostPort: 9100}}
	agent := mounted(container("cilium-agent", cniImage, "50m", "128Mi", "", ""), "run", "/var/run/cilium")
	agent.SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
	setup := mounted(container("mount-cgroup", cniImage, "", "", "", ""), "run", "/var/run/cilium")
	return []*appsv1.DaemonSet{
		daemonSet("node-exporter", "metrics", corev1.PodSpec{
			HostNetwork: true, HostPID: true,
			Containers: []corev1.Container{exporter},
			Volumes:    []corev1.Volume{hostPathVolume("proc", "/proc"), hostPathVolume("sys", "/sys")},
		}),
		daemonSet("cilium", "network", corev1.PodSpec{
			HostNetwork:    true,
			InitContainers: []corev1.Container{setup},
			Containers:     []corev1.Container{agent},
			Volumes:        []corev1.Volume{hostPathVolume("run", "/var/run/cilium")},
		}),
	}
}

func daemonSet(name, component string, spec corev1.PodSpec) *appsv1.DaemonSet {
	labels := withLabels(managedByLabels(), map[string]string{
		nameLabel: name, instanceLabel: name, componentLabel: component, partOfLabel: "node",
	})
	spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	spec.PriorityClassName = "system-node-critical"
	spec.AutomountServiceAccountToken = ptr.To(false)
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceSystem, Labels: labels},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{nameLabel: name}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				Type:          appsv1.RollingUpdateDaemonSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: ptr.To(intstr.FromString("10%"))},
			},
		},
	}
}
