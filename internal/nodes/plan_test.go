package nodes

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"
)

func TestDistributeGivesOutEveryPod(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pods := rapid.IntRange(0, MaxPods).Draw(t, "pods")
		sum := 0
		seen := map[string]bool{}
		for _, s := range distribute(pods) {
			sum += s.replicas
			key := s.namespace + "/" + s.name
			switch {
			case s.replicas < 1:
				t.Fatalf("%s has %d replicas", key, s.replicas)
			case s.max > 0 && s.replicas > s.max:
				t.Fatalf("%s has %d replicas, at most %d", key, s.replicas, s.max)
			case seen[key]:
				t.Fatalf("%s stands twice", key)
			}
			seen[key] = true
		}
		if sum != pods {
			t.Fatalf("%d pods were given out, want %d", sum, pods)
		}
	})
}

// What is planned for a number of pods runs exactly that many, whatever makes them.
func TestPlannedReplicas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := Workloads{Pods: rapid.IntRange(0, 3000).Draw(t, "pods")}
		if rapid.Bool().Draw(t, "template") {
			w.Template = []byte(goodTemplate)
		}
		plan, err := planObjects(w)
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		keys := map[string]bool{}
		for _, p := range plan {
			if keys[p.key()] {
				t.Fatalf("%s is planned twice", p.key())
			}
			keys[p.key()] = true
			if kind := p.object.GetKind(); kind == "Deployment" || kind == "StatefulSet" {
				n, _, err := unstructured.NestedInt64(p.object.Object, "spec", "replicas")
				if err != nil {
					t.Fatal(err)
				}
				sum += n
			}
		}
		if sum != int64(w.Pods) {
			t.Fatalf("%d replicas are planned, want %d", sum, w.Pods)
		}
	})
}

// Everything planned is in a wave, after the namespace that it needs, and can
// be found again by its label.
func TestPlannedObjectsAreInOrder(t *testing.T) {
	plan, err := planObjects(Workloads{Pods: 2000})
	if err != nil {
		t.Fatal(err)
	}
	spaces := map[string]bool{"kube-system": true, "default": true}
	for _, p := range plan {
		if p.object.GetKind() == "Namespace" {
			spaces[p.object.GetName()] = true
		}
	}
	for _, p := range plan {
		wave := slices.IndexFunc(waves[:],
			func(wave []schema.GroupVersionResource) bool { return slices.Contains(wave, p.resource) })
		if wave < 0 {
			t.Errorf("%s is in no wave", p.key())
		}
		if ns := p.object.GetNamespace(); ns != "" && (!spaces[ns] || wave == 0) {
			t.Errorf("%s is written before its namespace", p.key())
		}
		if p.object.GetLabels()[managedByLabel] != "diorama" || p.object.GetAnnotations()[hashAnnotation] == "" {
			t.Errorf("%s could not be found again: %v", p.key(), p.object.GetLabels())
		}
	}
}

// The default number of pods shows what a cluster looks like.
func TestDefaultWorkloadsAreMixed(t *testing.T) {
	plan, err := planObjects(Workloads{Pods: 200})
	if err != nil {
		t.Fatal(err)
	}
	kinds, spaces := map[string]int{}, map[string]bool{}
	for _, p := range plan {
		kinds[p.object.GetKind()]++
		spaces[p.object.GetNamespace()] = true
	}
	for kind, least := range map[string]int{
		"Deployment": 8, "StatefulSet": 3, "DaemonSet": 2, "Job": 2, "CronJob": 1, "HorizontalPodAutoscaler": 1,
		"ResourceQuota": 2, "Service": 5, "PodDisruptionBudget": 1, "LimitRange": 1, "StorageClass": 1,
	} {
		if kinds[kind] < least {
			t.Errorf("there are %d of kind %s, want %d at least", kinds[kind], kind, least)
		}
	}
	if len(spaces) < 6 {
		t.Errorf("there are only the namespaces %v", spaces)
	}
	var with, without, several, initial int
	for _, a := range catalogue() {
		for _, c := range a.containers {
			if len(c.Resources.Limits) == 0 {
				without++
			} else {
				with++
			}
		}
		several += if1(len(a.containers) > 1)
		initial += if1(len(a.init) > 0)
	}
	if with == 0 || without == 0 || several == 0 || initial == 0 {
		t.Errorf("%d containers with limits, %d without, %d pods of several, %d with init containers",
			with, without, several, initial)
	}
}

func TestCapacityHintsFit(t *testing.T) {
	atMost, atLeast := regexp.MustCompile(`at most (\d+) pods`), regexp.MustCompile(`at least (\d+) nodes`)
	rapid.Check(t, func(t *rapid.T) {
		f := Fleet{Nodes: rapid.IntRange(1, 300).Draw(t, "nodes")}
		w := Workloads{Pods: rapid.IntRange(0, MaxPods).Draw(t, "pods")}
		err := CheckCapacity(f, w)
		if err == nil {
			return
		}
		most := atMost.FindStringSubmatch(err.Error())
		if most == nil {
			t.Fatalf("no hint in %q", err)
		}
		fewer := w
		fewer.Pods, _ = strconv.Atoi(most[1])
		if again := CheckCapacity(f, fewer); again != nil {
			t.Fatalf("%v; but then: %v", err, again)
		}
		if enough := atLeast.FindStringSubmatch(err.Error()); enough != nil {
			more := f
			more.Nodes, _ = strconv.Atoi(enough[1])
			if again := CheckCapacity(more, w); again != nil {
				t.Fatalf("%v; but then: %v", err, again)
			}
		}
	})
}

// The default size and the one that the figures are taken at have room.
func TestPromisedSizesFit(t *testing.T) {
	for nodes, pods := range map[int]int{1: 10, 3: 6, 50: 200, 1000: 10000} {
		if err := CheckCapacity(Fleet{Nodes: nodes}, Workloads{Pods: pods}); err != nil {
			t.Error(err)
		}
	}
}

func TestPodLoad(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	sidecar := container("sidecar", "i", "10m", "10Mi", "", "")
	sidecar.RestartPolicy = &always
	got := podLoad(corev1.PodSpec{
		InitContainers: []corev1.Container{container("init", "i", "500m", "16Mi", "", ""), sidecar},
		Containers: []corev1.Container{
			container("a", "i", "100m", "64Mi", "", ""), container("limit only", "i", "", "", "50m", "32Mi"),
		},
	})
	if want := (load{pods: 1, milliCPU: 500, memory: 106 * mebi}); got != want {
		t.Errorf("load is %+v, want %+v", got, want)
	}
}

const goodTemplate = "apiVersion: v1\nkind: Pod\n" +
	"metadata: {name: mine-, namespace: team, labels: {app: mine}, annotations: {a: b}}\n" +
	"spec: {containers: [{name: only, image: example/only:1, resources: {requests: {cpu: 10m}}}]}\n"

func TestTemplates(t *testing.T) {
	replace := func(old, by string) string { return strings.Replace(goodTemplate, old, by, 1) }
	for _, test := range []struct{ name, text, want string }{
		{"good", goodTemplate, ""},
		{"JSON", `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a","image":"b"}]}}`, ""},
		{"not YAML", "a: [", "pod.yaml:1: this is no YAML"},
		{"nothing", "", "pod.yaml: is empty; it has to be a Pod (v1)"},
		{"Deployment", replace("kind: Pod", "kind: Deployment"), "yaml:2: is a Deployment (v1); it has to be a Pod (v1)"},
		{"unknown field", replace("image:", "imagee:"), `pod.yaml:4: a Pod has no field "spec.containers[0].imagee"`},
		{"wrong type", replace("image: example/only:1", "image: [1]"), "containers.image is a list, and has to be a text"},
		{"bad quantity", replace("10m", "ten"), `:4: spec.containers[0].resources.requests.cpu is "ten"; write a`},
		{"no container", "apiVersion: v1\nkind: Pod\nspec: {}\n", "has no spec.containers"},
		{"restart policy", replace("spec: {", "spec: {restartPolicy: Never, "), "spec.restartPolicy is Never"},
		{"no kind", "a: b\n", "pod.yaml:1: has no kind; it has to be a Pod (v1)"},
		{"second Pod", goodTemplate + "---\n" + goodTemplate, "pod.yaml:5: a second YAML document begins"},
		{"key twice", goodTemplate + "spec: {}\n", `pod.yaml:5: "spec" stands twice, first on line 4`},
		{"no image", replace("image: example/only:1, ", ""), "pod.yaml:4: spec.containers[0].image: Required value"},
		{"bad name", replace("mine-", "Mine_1"), `pod.yaml:3: metadata.name: Invalid value: "Mine_1"`},
		{"bad namespace", replace("team", "My Team"), `pod.yaml:3: metadata.namespace: Invalid value: "My Team"`},
		{"bad label", replace("app: mine", "app: my own"), "pod.yaml:3: metadata.labels"},
		{"node name", replace("spec: {", "spec: {nodeName: node-0001, "), "spec.nodeName"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseTemplate("pod.yaml", []byte(test.text))
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestTemplateBecomesADeployment(t *testing.T) {
	plan, err := planObjects(Workloads{Pods: 7, Template: []byte(goodTemplate)})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(plan, func(p planned) bool { return p.key() == "deployments/team/mine" })
	if i < 0 {
		t.Fatal("there is no Deployment team/mine")
	}
	labels, _, _ := unstructured.NestedStringMap(plan[i].object.Object, "spec", "template", "metadata", "labels")
	selector, _, _ := unstructured.NestedStringMap(plan[i].object.Object, "spec", "selector", "matchLabels")
	for key, value := range selector {
		if labels[key] != value {
			t.Errorf("the selector %v does not select the labels %v", selector, labels)
		}
	}
	if labels["app"] != "mine" {
		t.Errorf("the template's own labels are lost: %v", labels)
	}
	if !slices.ContainsFunc(plan, func(p planned) bool { return p.key() == "namespaces//team" }) {
		t.Error("the template's namespace is not made")
	}
}
