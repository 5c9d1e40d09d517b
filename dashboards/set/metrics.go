package set

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/internal/collector/origin"
)

// metrics are the metrics that dashboards and rules may use: by their name in
// Prometheus, where they come from.
type metrics map[string]origin.Origin

var word = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// describe is what a panel says about itself and where its numbers come from.
func (known metrics) describe(p panel) (string, error) {
	title, about := words(p)
	from := map[string]map[string]bool{}
	for _, q := range p.queries() {
		for _, name := range word.FindAllString(q.expr, -1) {
			if o, ok := known[name]; ok {
				if from[o.Receiver] == nil {
					from[o.Receiver] = map[string]bool{}
				}
				from[o.Receiver][o.Metric] = true
			}
		}
	}
	if len(from) == 0 {
		return "", fmt.Errorf("panel %q asks for no metric of any receiver", title)
	}
	var parts []string
	for _, receiver := range slices.Sorted(maps.Keys(from)) {
		parts = append(parts, strings.Join(slices.Sorted(maps.Keys(from[receiver])), ", ")+" ("+receiver+")")
	}
	return about + "\n\nFrom " + strings.Join(parts, "; ") + ".", nil
}
