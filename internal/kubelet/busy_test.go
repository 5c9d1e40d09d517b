package kubelet

import (
	"sync"
	"testing"
)

// Answers, changes, samples and kills come at the same time; run with -race,
// this finds what is not guarded.
func TestAnswersWhileThingsChange(t *testing.T) {
	s, _ := newTestStore(1, 5)
	var running sync.WaitGroup
	repeat := func(do func(i int)) {
		running.Go(func() {
			for i := range 50 {
				do(i)
			}
		})
	}
	repeat(func(int) {
		v, _ := s.view("node-0")
		newSummary(v.measure(s), false)
		v.measure(s).host()
	})
	repeat(func(i int) {
		s.setPod(newPod(1, annotated(i%7, cpuAnnotation, []string{"10m", "9000", "-1"}[i%3], memoryAnnotation, "1Gi")))
	})
	repeat(func(i int) { s.deletePod("shop/" + testPod(0, i%7).Name) })
	repeat(func(i int) {
		name := []string{"spiky", "leak", "none"}[i%3]
		s.setWorkload(workloadKey{"Deployment", "shop", "web"}, workload{profile: name})
	})
	repeat(func(i int) {
		o := clusterUsage("rule", nil, entry(expression(`pod.Usage("cpu") + node.Usage("memory") / 1e12`)))
		if i%3 == 0 {
			o = nil
		}
		if err := s.changeRules(everyPod, func(r *rules) error { return r.setCluster("rule", o) }); err != nil {
			t.Error(err)
		}
	})
	repeat(func(int) { s.sample() })
	repeat(func(int) { s.full() })
	repeat(func(int) { s.save() })
	repeat(func(int) { s.setNode(testNode(0)) })
	running.Wait()
}
