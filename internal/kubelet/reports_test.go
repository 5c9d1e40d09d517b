package kubelet

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/diorama-lab/diorama/internal/usage"
)

// said returns the events so far.
func said(s *store) []string {
	recorder := s.reports.recorder.(*record.FakeRecorder)
	var out []string
	for len(recorder.Events) > 0 {
		out = append(out, <-recorder.Events)
	}
	return out
}

func recorded(s *store) *store {
	s.reports.recorder = &record.FakeRecorder{Events: make(chan string, 1000), IncludeObject: true}
	return s
}

// What makes no sense is said on the pod, once, and the profile's value is used.
func TestBadAnnotations(t *testing.T) {
	for annotation, bad := range map[string][]string{
		cpuAnnotation:    {"", "-1", "-5m", "lots", "1e30", "12000", "NaN", "1 0", "9E"},
		memoryAnnotation: {"", "-1Gi", "64 MB", "1e40", "8Ei", "9999999999999999999999999"},
	} {
		for _, text := range bad {
			s, c := newTestStore(1, 2)
			recorded(s)
			profile := *usageOfPod(t, s, 0)
			s.setPod(newPod(1, annotated(0, annotation, text)))
			u := usageOfPod(t, s, 0)
			if u.rate != profile.rate || u.memory != profile.memory || u.totals != profile.totals {
				t.Errorf("%s %q changed the usage", annotation, text)
			}
			events := said(s)
			if len(events) != 1 || !strings.HasPrefix(events[0], "Warning InvalidUsage Annotation "+annotation) ||
				!strings.Contains(events[0], "kind=Pod") || !strings.Contains(events[0], u.key) {
				t.Errorf("%s %q: events %q", annotation, text, events)
			}
			c.advance(time.Second)
			s.setPod(newPod(1, annotated(0, annotation, text)))
			s.sample()
			if again := said(s); len(again) != 0 {
				t.Errorf("said again: %q", again)
			}
			c.advance(time.Duration(sayAgain))
			s.setPod(newPod(1, annotated(0, annotation, text)))
			if again := said(s); len(again) != 1 {
				t.Errorf("what lasts is not said again: %q", again)
			}
		}
	}
}

func TestUnknownProfiles(t *testing.T) {
	s, _ := newTestStore(1, 3)
	recorded(s)
	s.setPod(newPod(1, annotated(0, profileAnnotation, "bursti")))
	s.setWorkload(workloadKey{"Deployment", "shop", "web"}, workload{profile: "none"})
	events := said(s)
	if len(events) != 2 || !strings.Contains(events[0], `Warning UnknownProfile There is no profile "bursti"`) ||
		!strings.Contains(events[1], "of Deployment shop/web") || !strings.Contains(events[1], usage.ProfileNames()) {
		t.Errorf("events %q", events)
	}
	for i := range 3 {
		if got := usageOfPod(t, s, i).profile; got != usage.Diurnal {
			t.Errorf("pod %d is %s", i, got)
		}
	}
}

// A bad expression is said on each node that has its pods, and the rest goes on.
func TestBadExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"nonsense(":                             "UsageExpressionFailed",
		"pod.no.such.field":                     "UsageExpressionFailed",
		`"text"`:                                "UsageExpressionFailed",
		`Quantity("lots")`:                      "UsageExpressionFailed",
		`pod.metadata.labels["x"]`:              "UsageExpressionFailed",
		"0.0 - 1.0":                             "InvalidUsage",
		"1.0 / 0.0":                             "InvalidUsage",
		"0.0 / 0.0":                             "InvalidUsage",
		"nonsense(" + strings.Repeat("ü", 3000): "UsageExpressionFailed",
		`Quantity("1E")`:                        "InvalidUsage",
	} {
		s, c := newTestStore(2, 3)
		recorded(s)
		profile := *usageOfPod(t, s, 0)
		setCluster(t, s, "bad", nil, entry(expression(text), "app"), entry(value("5m"), "sidecar"))
		events := said(s)
		if len(events) != 2 { // one for each node, not for each pod
			t.Fatalf("%s: events %q", text, events)
		}
		for _, e := range events {
			if len(e) > maxText+200 || !strings.HasPrefix(e, "Warning "+want) || !strings.Contains(e, "kind=Node") ||
				!strings.Contains(e, "ClusterResourceUsage bad") {
				t.Errorf("%s: event %q", text, e)
			}
		}
		u := usageOfPod(t, s, 0)
		if u.containers[0].rate != profile.containers[0].rate || u.containers[1].rate != 5e6 {
			t.Errorf("%s: app uses %d, sidecar %d", text, u.containers[0].rate, u.containers[1].rate)
		}
		c.advance(time.Minute)
		s.sample()
		if again := said(s); len(again) != 0 {
			t.Errorf("%s: said again: %q", text, again)
		}
	}
}

func TestReportsAreForgotten(t *testing.T) {
	s, c := newTestStore(1, 1)
	for i := range maxReports + 10 {
		c.advance(time.Second)
		s.reports.onPod(s.pods["shop/"+testPod(0, 0).Name], "R", c.t.String()+string(rune(i)))
	}
	if got := len(s.reports.said); got > maxReports {
		t.Errorf("%d are kept", got)
	}
}

// Profiles come from the pod, its workload, the CronJob behind it, or the kind.
func TestProfileOfPods(t *testing.T) {
	s, _ := newTestStore(1, 0)
	job := testPod(0, 1)
	job.OwnerReferences[0].Kind, job.OwnerReferences[0].Name = "Job", "report-29"
	delete(job.Labels, templateHashLabel)
	set := func(o *corev1.Pod, annotation string) *corev1.Pod {
		o = o.DeepCopy()
		if annotation != "" {
			o.Annotations = map[string]string{profileAnnotation: annotation}
		}
		return o
	}
	s.setPod(newPod(1, set(testPod(0, 0), "")))
	s.setPod(newPod(1, set(job, "")))
	check := func(what string, web, report usage.Profile) {
		t.Helper()
		for i, want := range []usage.Profile{web, report} {
			u := usageOfPod(t, s, i)
			if u.profile != want || u.containers[0].spec.Profile != want {
				t.Errorf("%s: pod %d is %s, want %s", what, i, u.profile, want)
			}
		}
	}
	check("by kind", usage.Diurnal, usage.Batch)
	deployment, one, cron := workloadKey{"Deployment", "shop", "web"}, workloadKey{"Job", "shop", "report-29"},
		workloadKey{"CronJob", "shop", "report"}
	s.setWorkload(deployment, workload{profile: "spiky"})
	s.setWorkload(one, workload{parent: cron})
	s.setWorkload(cron, workload{profile: "bursty"})
	check("by workload", usage.Spiky, usage.Bursty)
	s.setWorkload(one, workload{profile: "idle", parent: cron})
	check("by Job", usage.Spiky, usage.Idle)
	s.setPod(newPod(1, set(testPod(0, 0), "leak")))
	s.setPod(newPod(1, set(job, "steady")))
	check("by pod", usage.Leak, usage.Steady)
	s.setPod(newPod(1, set(testPod(0, 0), "")))
	s.setPod(newPod(1, set(job, "")))
	check("by workload again", usage.Spiky, usage.Idle)
	s.replaceWorkloads("Deployment", nil)
	s.replaceWorkloads("Job", map[workloadKey]workload{one: {parent: cron}})
	check("after lists", usage.Diurnal, usage.Bursty)
	s.setWorkload(cron, workload{})
	check("taken away", usage.Diurnal, usage.Batch)
	if len(s.workloads) != 1 {
		t.Errorf("kept: %v", s.workloads)
	}
}

// Counters of all kinds go on when the profile changes.
func TestProfileChangesLive(t *testing.T) {
	s, c := newTestStore(1, 1)
	for _, profile := range []string{"bursty", "idle", "leak", "steady", "none", "spiky"} {
		before := usageOfPod(t, s, 0)
		s.setWorkload(workloadKey{"Deployment", "shop", "web"}, workload{profile: profile})
		after := usageOfPod(t, s, 0)
		if before.totals != after.totals || before.containers[0].totals != after.containers[0].totals {
			t.Errorf("%s: counters went from %+v to %+v", profile, before.totals, after.totals)
		}
		c.advance(time.Minute)
	}
}
