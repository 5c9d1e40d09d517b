package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Kinds of changes between two reports.
const (
	// Broke: what was in order is a finding.
	Broke = "broke"
	// Healed: what was a finding is in order.
	Healed = "healed"
	// Added and Removed are results that only one report has.
	Added   = "added"
	Removed = "removed"
)

// Change is what is different from an earlier report.
type Change struct {
	Kind      string  `json:"kind"`
	Dashboard string  `json:"dashboard"`
	What      string  `json:"what"`
	Was       Verdict `json:"was,omitempty"`
	Is        Verdict `json:"is,omitempty"`
	Why       string  `json:"why,omitempty"`
}

// ReadReport reads a report that `diorama check -o json` wrote.
func ReadReport(path string) (Report, error) {
	var r Report
	data, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("reading the earlier report: %w", err)
	}
	err = json.Unmarshal(data, &r)
	if errors.As(err, new(*json.UnmarshalTypeError)) { // which names Go's types
		err = errors.New("it is other JSON")
	}
	if err != nil {
		return r, fmt.Errorf("%s is no report of `diorama check -o json`: %w", path, err)
	}
	if r.Taken.IsZero() || r.Results == nil {
		return r, fmt.Errorf("%s is no report of `diorama check -o json`: it has no results", path)
	}
	return r, nil
}

// CompareWith notes what has changed since a report that was written to a file.
func (r *Report) CompareWith(path string) error {
	earlier, err := ReadReport(path)
	if err != nil {
		return err
	}
	r.Changes = r.Compare(earlier)
	return nil
}

// state is what is compared of a result or rule.
type state struct {
	dashboard, what, why string
	verdict              Verdict
	fails                bool
}

// states are all results and rules by what identifies them.
func (r Report) states() map[string]state {
	all := map[string]state{}
	for _, result := range r.Results {
		key := fmt.Sprintf("%s %d %s %s %s %v", result.Dashboard, result.Panel, result.Kind, result.Name, result.Choice,
			result.Scoped)
		what := result.where()
		if chosen := result.chosen(); chosen != "" {
			what += " (" + chosen + ")"
		}
		all[key] = state{result.DashboardTitle, what, result.why(), result.Verdict, result.Fails()}
	}
	for _, rule := range r.Rules {
		all["rule "+rule.Group+" "+rule.Name] = state{rule.File, "rule " + rule.Name, rule.why(), rule.Verdict, rule.Fails()}
	}
	return all
}

// Compare says what broke and what healed since an earlier report: of results
// that only one of them has, those that are findings.
func (r Report) Compare(earlier Report) []Change {
	before, now := earlier.states(), r.states()
	changes := []Change{}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		is := now[key]
		was, there := before[key]
		c := Change{Dashboard: is.dashboard, What: is.what, Was: was.verdict, Is: is.verdict, Why: is.why}
		switch {
		case !there && is.fails:
			c.Kind = Added
		case there && is.fails && !was.fails:
			c.Kind = Broke
		case there && !is.fails && was.fails:
			c.Kind = Healed
		default:
			continue
		}
		changes = append(changes, c)
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, there := now[key]; !there && before[key].fails {
			changes = append(changes, Change{
				Kind: Removed, Dashboard: before[key].dashboard, What: before[key].what, Was: before[key].verdict,
			})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return strings.Compare(order(a.Kind), order(b.Kind)) })
	return changes
}

// order puts what got worse first.
func order(kind string) string {
	return map[string]string{Broke: "1", Added: "2", Healed: "3", Removed: "4"}[kind]
}

// WriteChanges writes changes for people.
func WriteChanges(out io.Writer, changes []Change) error {
	var b strings.Builder
	if len(changes) == 0 {
		b.WriteString("nothing broke and nothing healed since the earlier report\n")
	}
	for _, c := range changes {
		fmt.Fprintf(&b, "%-8s %s: %s", c.Kind, c.Dashboard, c.What)
		switch {
		case c.Was != "" && c.Is != "":
			fmt.Fprintf(&b, " was %s, is %s", c.Was, c.Is)
		case c.Was != "":
			fmt.Fprintf(&b, " was %s", c.Was)
		default:
			fmt.Fprintf(&b, " is %s", c.Is)
		}
		if c.Why != "" && c.Kind != Healed {
			b.WriteString(": " + oneLine(c.Why))
		}
		b.WriteString("\n")
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("writing the changes: %w", err)
	}
	return nil
}
