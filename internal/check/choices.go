package check

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
)

const (
	// All is the choice of all values of all variables that have it.
	All = "All"
	// One is the choice of a single value of each of them.
	One = "one"
	// maxChoices bounds the combinations of values of one dashboard.
	maxChoices = 1000
)

// choice is one set of values that a dashboard is run with.
type choice struct {
	name      string
	values    map[string][]string
	variables []engine.Resolved
}

// choices are the sets of values that a dashboard is run with: All, a single
// value, and each value of the variables in Each.
func (c *checker) choices(ctx context.Context, d *document.Dashboard, r engine.Request) ([]choice, error) {
	everything := c.resolve(ctx, d, r, All, c.preferred(ctx, d, r))
	list := []choice{everything}
	single := c.single(ctx, d, r, everything)
	if !sameValues(single.values, everything.values) {
		list = append(list, single)
	}
	var names []string
	for _, v := range everything.variables {
		if slices.Contains(c.Each, v.Name) {
			names = append(names, v.Name)
		}
	}
	if len(names) == 0 {
		return list, nil
	}
	each, err := c.product(ctx, d, r, names, everything.values)
	return append(list, each...), err
}

// resolve finds the values of all variables where some have given values; those
// that can be All are, unless they are given.
func (c *checker) resolve(
	ctx context.Context, d *document.Dashboard, r engine.Request, name string, given map[string][]string,
) choice {
	r.Variables = maps.Clone(given)
	for _, v := range c.engine.Variables(ctx, d, r) {
		if _, there := given[v.Name]; !there && v.IncludeAll {
			r.Variables[v.Name] = []string{document.AllValue}
		}
	}
	chosen := choice{name: name, values: map[string][]string{}, variables: c.engine.Variables(ctx, d, r)}
	for _, v := range chosen.variables {
		chosen.values[v.Name] = v.Current.Value
	}
	return chosen
}

// preferred are the values that the declarations name, of variables that
// cannot be All, in order: later ones may depend on earlier ones.
func (c *checker) preferred(ctx context.Context, d *document.Dashboard, r engine.Request) map[string][]string {
	values := map[string][]string{}
	for _, v := range d.Variables() {
		declared, there := c.Declarations.Variables[v.Name()]
		if !there || v.IncludesAll() {
			continue
		}
		r.Variables = maps.Clone(values)
		now := choice{variables: c.engine.Variables(ctx, d, r)}
		if value := declared.choose(now.variable(v.Name()).Options); value != "" {
			values[v.Name()] = []string{value}
		}
	}
	return values
}

// single chooses one value of each variable that can be All, in order: later
// ones may depend on earlier ones.
func (c *checker) single(ctx context.Context, d *document.Dashboard, r engine.Request, from choice) choice {
	given := c.preferred(ctx, d, r)
	for _, v := range from.variables {
		if !v.IncludeAll {
			continue
		}
		current := c.resolve(ctx, d, r, One, given)
		if value := c.pick(current.variable(v.Name)); value != "" {
			given[v.Name] = []string{value}
		}
	}
	return c.resolve(ctx, d, r, One, given)
}

func (c choice) variable(name string) engine.Resolved {
	for _, v := range c.variables {
		if v.Name == name {
			return v
		}
	}
	return engine.Resolved{}
}

// pick is the value that is declared, if it is an option, else the first option.
func (c *checker) pick(v engine.Resolved) string {
	options := slices.DeleteFunc(slices.Clone(v.Options),
		func(o engine.Option) bool { return o.Value == document.AllValue })
	if len(options) == 0 {
		return ""
	}
	return cmp.Or(c.Declarations.Variables[v.Name].choose(options), options[0].Value)
}

// product is each combination of the values of some variables.
func (c *checker) product(
	ctx context.Context, d *document.Dashboard, r engine.Request, names []string, values map[string][]string,
) ([]choice, error) {
	partial := []map[string][]string{{}}
	for _, name := range names {
		var next []map[string][]string
		for _, given := range partial {
			for _, option := range c.resolve(ctx, d, r, "", given).variable(name).Options {
				if option.Value == document.AllValue {
					continue
				}
				more := maps.Clone(given)
				more[name] = []string{option.Value}
				if next = append(next, more); len(next) > maxChoices {
					return nil, fmt.Errorf("%s: --each %s makes more than %d combinations; name fewer variables", d.Title(),
						strings.Join(names, ","), maxChoices)
				}
			}
		}
		partial = next
	}
	var list []choice
	for _, given := range partial {
		var parts []string
		for _, name := range names {
			parts = append(parts, name+"="+given[name][0])
		}
		if chosen := c.resolve(ctx, d, r, strings.Join(parts, ", "), given); !sameValues(chosen.values, values) {
			list = append(list, chosen)
		}
	}
	return list, nil
}

func sameValues(a, b map[string][]string) bool {
	return maps.EqualFunc(a, b, func(x, y []string) bool { return slices.Equal(x, y) })
}
