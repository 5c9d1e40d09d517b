package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/internal/spelling"
)

// most is how many near misses are named.
const most = 3

// near returns the candidates that were probably meant by a name, the nearest
// first: those that differ in a few letters, in a unit or in some of their
// words.
func near(name string, candidates []string) []string {
	type scored struct {
		name  string
		score float64
	}
	var all []scored
	for _, candidate := range candidates {
		if s := likeness(name, candidate); candidate != name && s >= 0.6 {
			all = append(all, scored{candidate, s})
		}
	}
	slices.SortFunc(all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, s := range all[:min(len(all), most)] {
		names = append(names, s.name)
	}
	return names
}

// likeness is 1 for the same name and 0 for names with nothing in common.
func likeness(a, b string) float64 {
	a, b = plain(a), plain(b)
	longest := max(len(a), len(b))
	// The distance is at least the difference in length.
	if longest == 0 || len(a) > 3*len(b) || len(b) > 3*len(a) {
		return 0
	}
	return max(words(a, b), 1-float64(spelling.Distance(a, b))/float64(longest))
}

// plain is a name as all conventions write it: without case, dots or the
// endings that a translation adds.
func plain(name string) string {
	name = strings.NewReplacer(".", "_", "-", "_", ":", "_").Replace(strings.ToLower(name))
	for _, ending := range []string{"_total", "_ratio"} {
		name = strings.TrimSuffix(name, ending)
	}
	return name
}

// words is the share of words that two names have in common, weighed a little
// less than letters: k8s_pod_cpu_time and pod_cpu_time_seconds are near.
func words(a, b string) float64 {
	left, right := strings.Split(a, "_"), strings.Split(b, "_")
	if len(left) < 2 || len(right) < 2 {
		// One word that is a part of the other: pod and k8s_pod_name.
		if slices.Contains(right, a) || slices.Contains(left, b) {
			return 0.7
		}
		return 0
	}
	common := 0
	for _, word := range left {
		if i := slices.Index(right, word); i >= 0 {
			common++
			right[i] = ""
		}
	}
	return 0.95 * float64(2*common) / float64(len(left)+len(right))
}
