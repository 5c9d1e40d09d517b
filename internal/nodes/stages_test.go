package nodes

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/kwok/pkg/utils/gotpl"
	"sigs.k8s.io/kwok/pkg/utils/lifecycle"
)

const userStage = `# a comment
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: pod-ready
spec:
  resourceRef:
    apiGroup: v1
    kind: Pod
  selector:
    matchExpressions:
    - key: '.status.phase'
      operator: In
      values: [Pending]
  next:
    statusTemplate: |
      phase: Running
`

func TestParseStageFiles(t *testing.T) {
	replace := func(old, by string) string { return strings.Replace(userStage, old, by, 1) }
	for _, test := range []struct {
		name, text string
		want       string // in the error; empty: none
	}{
		{"good", userStage, ""},
		{"two documents", userStage + "---\n" + userStage, ""},
		{"empty", "# nothing\n", "my.yaml: holds no Stage object"},
		{"not YAML", "a: [", "my.yaml:1: this is no YAML"},
		{"other kind", replace("kind: Stage", "kind: Pod"), "my.yaml:3: is a Pod (kwok.x-k8s.io/v1alpha1); it has to"},
		{"no kind", "a: b\n", "my.yaml:1: has no kind; it has to be a Stage"},
		{"no name", replace("name: pod-ready", "labels: {}"), "my.yaml:4: the Stage has no metadata.name"},
		{"unknown field", replace("  selector:", "  selectors:"), `my.yaml:10: unknown field "spec.selectors"`},
		{"second document", userStage + "---\n" + replace("kind: Stage", "kind: Deployment"), "my.yaml:21: is a Deployment"},
		{"bad jq", replace("'.status.phase'", "'.status.['"), "my.yaml:12: Stage pod-ready: "},
		{"bad operator", replace("operator: In", "operator: Is"),
			`my.yaml:12: Stage pod-ready: operator "Is" is not supported`},
		{"bad CEL", replace("- key: '.status.phase'\n      operator: In\n      values: [Pending]",
			"- cel: {expression: 'self..x'}"), "my.yaml:12: Stage pod-ready: "},
		{"bad template", replace("phase: Running", "phase: {{ if }}"),
			"my.yaml:15: Stage pod-ready: template does not parse: "},
		{"unknown function", replace("phase: Running", "phase: {{ Nope . }}"), `function "Nope" not defined`},
		{"no selector", replace("selector:\n    matchExpressions:\n    - key: '.status.phase'\n      operator: "+
			"In\n      values: [Pending]", "weight: 1"), "has no selector"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := ParseStages([]StageFile{{Name: "my.yaml", Data: []byte(test.text)}})
			switch {
			case test.want == "" && err != nil:
				t.Fatalf("unexpected error: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Fatalf("error is %v\nwant it to contain %q", err, test.want)
			}
		})
	}
}

// play puts a pod through the default stages until none matches any more, and
// returns the names of the stages.
func play(t *testing.T, pod *corev1.Pod) (*corev1.Pod, []string) {
	t.Helper()
	stages, err := defaultStages()
	if err != nil {
		t.Fatal(err)
	}
	var internal []*internalversion.Stage
	for _, s := range stages {
		if s.Spec.ResourceRef != (v1alpha1.StageResourceRef{APIGroup: "v1", Kind: "Pod"}) {
			continue
		}
		i, err := internalversion.ConvertToInternalStage(s)
		if err != nil {
			t.Fatal(err)
		}
		internal = append(internal, i)
	}
	cycle, err := lifecycle.NewLifecycle(internal)
	if err != nil {
		t.Fatal(err)
	}
	renderer := gotpl.NewRenderer(gotpl.FuncMap{
		"NodeIPsWith": func(string) []string { return []string{"10.16.0.10"} },
		"PodIPsWith":  func(_ string, _ bool, _, _, _ string) []string { return []string{"10.128.0.7"} },
	})
	var played []string
	for range 10 {
		stage, err := cycle.Match(t.Context(), &lifecycle.Event{Labels: pod.Labels, Annotations: pod.Annotations, Data: pod})
		if err != nil {
			t.Fatal(err)
		}
		if stage == nil {
			return pod, played
		}
		played = append(played, stage.Name())
		_, err = stage.DoSteps(0, nil, pod, renderer,
			func(*internalversion.StageEvent) error { return nil },
			func() error { pod = &corev1.Pod{}; return nil },
			func(p *lifecycle.Patch) error { pod = patched(t, pod, p); return nil },
			func(*lifecycle.Apply) error { return nil })
		if err != nil {
			t.Fatalf("stage %s: %v", stage.Name(), err)
		}
	}
	t.Fatalf("the pod never rests: %v", played)
	return nil, nil
}

func patched(t *testing.T, pod *corev1.Pod, p *lifecycle.Patch) *corev1.Pod {
	t.Helper()
	before, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	after, err := strategicpatch.StrategicMergePatch(before, p.Data, pod)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.Data)
	}
	next := &corev1.Pod{}
	if err := json.Unmarshal(after, next); err != nil {
		t.Fatal(err)
	}
	return next
}

// scheduled returns a pod as the scheduler leaves it.
func scheduled(spec corev1.PodSpec, owner string) *corev1.Pod {
	spec.NodeName = "node-0001"
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "p", Namespace: "ns", UID: "5f6d1c1e-0000-4000-8000-000000000001", Generation: 1,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "x/v1", Kind: owner, Name: "o", Controller: new(true)}},
		},
		Spec: spec,
		Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
		}},
	}
}

func TestPodLife(t *testing.T) {
	for _, a := range catalogue() {
		t.Run(a.name, func(t *testing.T) {
			spec := slot{app: a, copy: 1, replicas: 1}.podSpec()
			want := []string{"pod-ready"}
			if a.claim != "" {
				spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
					PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-p"},
				}})
			}
			if a.claim != "" || len(a.init) > 0 {
				want = []string{"pod-create", "pod-ready"}
			}
			pod, played := play(t, scheduled(spec, "ReplicaSet"))
			if strings.Join(played, " ") != strings.Join(want, " ") {
				t.Fatalf("played %v, want %v", played, want)
			}
			checkRunning(t, pod)
		})
	}
}

func checkRunning(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	status := pod.Status
	if status.Phase != corev1.PodRunning || status.StartTime == nil || status.PodIP == "" || len(status.PodIPs) != 1 ||
		status.HostIP == "" || len(status.HostIPs) != 1 {
		t.Errorf("status is incomplete: %+v", status)
	}
	conditions := map[corev1.PodConditionType]corev1.ConditionStatus{}
	for _, c := range status.Conditions {
		conditions[c.Type] = c.Status
		if c.LastTransitionTime.IsZero() && c.Type != corev1.PodScheduled {
			t.Errorf("condition %s has no transition time", c.Type)
		}
	}
	for _, c := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodReadyToStartContainers,
		corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady} {
		if conditions[c] != corev1.ConditionTrue {
			t.Errorf("condition %s is %q", c, conditions[c])
		}
	}
	if len(status.ContainerStatuses) != len(pod.Spec.Containers) ||
		len(status.InitContainerStatuses) != len(pod.Spec.InitContainers) {
		t.Fatalf("want a status for every container: %+v", status)
	}
	ids := map[string]bool{}
	for i, c := range pod.Spec.InitContainers {
		s := status.InitContainerStatuses[i]
		ids[s.ContainerID] = true
		sidecar := c.RestartPolicy != nil
		if sidecar != (s.State.Running != nil) || sidecar == (s.State.Terminated != nil) || !s.Ready {
			t.Errorf("init container %s: %+v", c.Name, s)
		}
	}
	for i, c := range pod.Spec.Containers {
		s := status.ContainerStatuses[i]
		ids[s.ContainerID] = true
		if s.Name != c.Name || s.Image != c.Image || s.ImageID == "" || !s.Ready || s.Started == nil || !*s.Started ||
			s.State.Running == nil || s.State.Waiting != nil {
			t.Errorf("container %s: %+v", c.Name, s)
		}
	}
	for id := range ids {
		if hex, ok := strings.CutPrefix(id, "containerd://"); !ok || len(hex) != 64 {
			t.Errorf("container ID %q", id)
		}
	}
	if len(ids) != len(pod.Spec.Containers)+len(pod.Spec.InitContainers) {
		t.Errorf("container IDs are not unique: %v", ids)
	}
}

func TestJobPodCompletes(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	spec := corev1.PodSpec{
		InitContainers: []corev1.Container{
			{Name: "side", Image: "side:1", RestartPolicy: &always}, {Name: "init", Image: "init:1"},
		},
		Containers: []corev1.Container{{Name: "main", Image: "main:1"}},
	}
	pod, played := play(t, scheduled(spec, "Job"))
	if got := strings.Join(played, " "); got != "pod-create pod-ready pod-complete" {
		t.Fatalf("played %s", got)
	}
	if pod.Status.Phase != corev1.PodSucceeded {
		t.Fatalf("phase is %s", pod.Status.Phase)
	}
	for _, s := range append(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses...) {
		end := s.State.Terminated
		if end == nil || s.State.Running != nil || end.ExitCode != 0 || end.Reason != "Completed" ||
			end.ContainerID != s.ContainerID || end.StartedAt.IsZero() || end.FinishedAt.IsZero() {
			t.Errorf("container %s: %+v", s.Name, s.State)
		}
	}
}

func BenchmarkMatchRunningPod(b *testing.B) {
	stages, err := defaultStages()
	if err != nil {
		b.Fatal(err)
	}
	var internal []*internalversion.Stage
	for _, s := range stages {
		if s.Spec.ResourceRef.Kind == "Pod" {
			i, err := internalversion.ConvertToInternalStage(s)
			if err != nil {
				b.Fatal(err)
			}
			internal = append(internal, i)
		}
	}
	cycle, err := lifecycle.NewLifecycle(internal)
	if err != nil {
		b.Fatal(err)
	}
	pod := scheduled(slot{app: catalogue()[0], copy: 1, replicas: 1}.podSpec(), "ReplicaSet")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cycle.Match(b.Context(), &lifecycle.Event{Data: pod}); err != nil {
			b.Fatal(err)
		}
	}
}
