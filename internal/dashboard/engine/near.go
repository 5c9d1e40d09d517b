package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/internal/spelling"
)

// most is how many near misses are named.
const most = 3

// nearLabels are the labels that were probably meant. What Prometheus keeps for
// itself is none of them.
func nearLabels(name string, candidates []string) []string {
	return near(name, slices.DeleteFunc(slices.Clone(candidates), func(candidate string) bool {
		return strings.HasPrefix(candidate, "__")
	}))
}

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
	shared := words(a, b)
	longest := max(len(a), len(b))
	// The distance is at least the difference in length.
	if longest == 0 || len(a) > 3*len(b) || len(b) > 3*len(a) {
		return shared
	}
	distance := spelling.Distance(a, b)
	if shared < generic && distance > 2 && strings.Contains(a, "_") && strings.Contains(b, "_") {
		return shared // they look alike because of their units and prefixes
	}
	return max(shared, 1-float64(distance)/float64(longest))
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

// generic is what a word counts that says little of what a metric is about.
const generic = 0.3

func weight(word string) float64 {
	switch word {
	case "k8s", "kube", "container", "pod", "node", "namespace", "name", "id", "type", "info", "total", "count", "sum",
		"bucket", "bytes", "seconds", "ratio", "usage", "status", "current", "by", "per":
		return generic
	}
	return 1
}

// words is the share of words that two names have in common, weighed a little
// less than letters: k8s_pod_cpu_time and pod_cpu_time_seconds are near.
func words(a, b string) float64 {
	left, right := strings.Split(a, "_"), strings.Split(b, "_")
	if len(left) < 2 || len(right) < 2 {
		return oneWord(left, right)
	}
	common, all := 0.0, 0.0
	for _, word := range slices.Concat(left, right) {
		all += weight(word)
	}
	for _, word := range left {
		if i := slices.Index(right, word); i >= 0 {
			common += 2 * weight(word)
			right[i] = ""
		}
	}
	return 0.95 * common / all
}

// oneWord is the likeness where one of the names is a single word: pod and
// k8s_pod_name, job and k8s_job_name. A word that many names end in means none
// of them.
func oneWord(left, right []string) float64 {
	word, others := left[0], right
	if len(left) > 1 {
		word, others = right[0], left
	}
	if word == "name" || word == "id" || word == "type" || !slices.Contains(others, word) {
		return 0
	}
	if strings.Join(others, "_") == "k8s_"+word+"_name" {
		return 0.8
	}
	return 0.7
}
