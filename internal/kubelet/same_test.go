package kubelet

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// answersFile says where a second process of this test binary has to write its answers.
const answersFile = "KUBELET_TEST_ANSWERS"

// answers are summaries of a node with pods of every profile and override,
// over a day in which one of each kind of thing happens.
func answers(t *testing.T) []byte {
	s, c := newTestStore(1, 0)
	for i, profile := range anyAnnotations[profileAnnotation] {
		s.setPod(newPod(1, annotated(i, profileAnnotation, profile)))
	}
	s.setPod(newPod(1, annotated(20, cpuAnnotation, "120m", memoryAnnotation, "100Mi")))
	s.setPod(newPod(1, annotated(21, memoryAnnotation, "4Gi")))
	setOwn(t, s, 0, entry(expression(`0.05 + pod.Usage("cpu") / 2.0`), "app"))
	var out []byte
	for hour := range 24 {
		c.advance(time.Hour)
		s.sample()
		switch hour {
		case 3:
			s.setPod(newPod(1, killed(annotated(21, memoryAnnotation, "4Gi"), 0, c.t)))
		case 5:
			s.setWorkload(workloadKey{"Deployment", "shop", "web"}, workload{profile: "spiky"})
		case 8:
			for i := range 9 {
				s.setPod(newPod(1, annotated(30+i, cpuAnnotation, "5000")))
			}
		}
		out = appendSummary(out, summaryOf(t, s, "node-0", false))
	}
	return out
}

// Two processes with one seed agree to the byte.
func TestTwoProcessesAgree(t *testing.T) {
	mine := answers(t)
	if path := os.Getenv(answersFile); path != "" {
		if err := os.WriteFile(path, mine, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	path := filepath.Join(t.TempDir(), "answers")
	other := exec.Command(os.Args[0], "-test.run=^TestTwoProcessesAgree$")
	other.Env = append(os.Environ(), answersFile+"="+path)
	if said, err := other.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	theirs, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(mine, theirs) {
		t.Errorf("the answers differ: %d and %d bytes", len(mine), len(theirs))
	}
}
