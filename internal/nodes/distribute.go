package nodes

import (
	"cmp"
	"fmt"
	"slices"
)

// podsPerCopy is how many pods one copy of the catalogue holds before another
// copy, in namespaces of its own, is added: it keeps replica counts to what one
// sees in a cluster.
const podsPerCopy = 800

// A slot is an app of one copy of the catalogue and its number of replicas.
type slot struct {
	app
	// copy numbers the copies from 1.
	copy     int
	replicas int
}

// copyNamespace is the namespace of an app in a copy of the catalogue.
func copyNamespace(namespace string, number int) string {
	if number == 1 {
		return namespace
	}
	return fmt.Sprintf("%s-%d", namespace, number)
}

// distribute divides exactly pods among the apps of as many copies of the
// catalogue as they need. Every slot has at least one replica.
func distribute(pods int) []slot {
	if pods <= 0 {
		return nil
	}
	copies := (pods + podsPerCopy - 1) / podsPerCopy
	apps := catalogue()
	var slots []slot
	for c := range copies {
		share := pods / copies
		if c < pods%copies {
			share++
		}
		for i, replicas := range apportion(share, apps) {
			if replicas == 0 {
				continue
			}
			s := slot{app: apps[i], copy: c + 1, replicas: replicas}
			s.namespace = copyNamespace(s.namespace, s.copy)
			slots = append(slots, s)
		}
	}
	return slots
}

// apportion gives one pod to each of the first apps and divides the rest by
// weight, by largest remainder, never above an app's max. The sum is pods, as
// at least one app has no max.
func apportion(pods int, apps []app) []int {
	replicas := make([]int, len(apps))
	first := min(pods, len(apps))
	for i := range first {
		replicas[i] = 1
	}
	for rest := pods - first; rest > 0; {
		given := divide(rest, apps, replicas)
		rest -= given
	}
	return replicas
}

// divide hands out rest among the apps that may have more, and returns how
// much of it was taken: less than rest if an app reached its max.
func divide(rest int, apps []app, replicas []int) int {
	type claim struct{ app, remainder int }
	total := 0
	for i, a := range apps {
		if room(a, replicas[i]) > 0 {
			total += a.weight
		}
	}
	var claims []claim
	taken := 0
	shares := make([]int, len(apps))
	for i, a := range apps {
		if room(a, replicas[i]) == 0 {
			continue
		}
		shares[i] = rest * a.weight / total
		taken += shares[i]
		claims = append(claims, claim{app: i, remainder: rest * a.weight % total})
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return cmp.Compare(b.remainder, a.remainder) })
	for i := range rest - taken {
		shares[claims[i].app]++
	}
	given := 0
	for i, share := range shares {
		n := min(share, room(apps[i], replicas[i]))
		replicas[i] += n
		given += n
	}
	return given
}

// room is how many more replicas an app may have.
func room(a app, replicas int) int {
	if a.max == 0 {
		return int(^uint(0) >> 1)
	}
	return max(a.max-replicas, 0)
}
