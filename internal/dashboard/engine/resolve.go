package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Variables resolves all variables of a dashboard, in the order of the page.
func (e *Engine) Variables(ctx context.Context, d *document.Dashboard, r Request) []Resolved {
	resolved, _ := e.resolve(ctx, d, r, func(document.Variable) bool { return true })
	return resolved
}

// resolve finds options and values of variables, those first that others
// follow from. Options of variables that are not wanted are looked up only if
// their values follow from them.
func (e *Engine) resolve(
	ctx context.Context, d *document.Dashboard, r Request, wanted func(document.Variable) bool,
) ([]Resolved, Scope) {
	definitions := d.Variables()
	known := map[string]document.Variable{}
	for _, v := range definitions {
		known[v.Name()] = v
	}
	sorted, circular := inOrder(definitions)
	values := map[string]Value{}
	scope := Scope{e.builtIn(d, r), values}
	found := map[string]Resolved{}
	for _, v := range sorted {
		resolved := describe(v, known)
		if circular[v.Name()] {
			resolved.Error = "depends on itself"
		} else {
			e.options(ctx, v, &resolved, scope, r, wanted(v))
		}
		choose(v, &resolved, r.Variables[v.Name()], scope)
		if v.Type() == "interval" {
			autoInterval(v, &resolved, r)
		}
		resolved.value.Zone = r.Range.From.Location()
		values[v.Name()], found[v.Name()] = resolved.value, resolved
	}
	all := make([]Resolved, 0, len(definitions))
	for _, v := range definitions {
		all = append(all, found[v.Name()])
	}
	return all, scope.with(e.scoped(r.ScopedVars, known))
}

// resolveFor resolves the variables that JSON values refer to.
func (e *Engine) resolveFor(
	ctx context.Context, d *document.Dashboard, r Request, values []any,
) ([]Resolved, Scope, error) {
	source, err := json.Marshal(values)
	if err != nil {
		return nil, nil, err
	}
	used := map[string]bool{}
	for _, name := range document.References(string(source)) {
		used[name] = true
	}
	variables, scope := e.resolve(ctx, d, r, func(v document.Variable) bool {
		return used[v.Name()] && !selfContained(v, r.Variables[v.Name()])
	})
	return variables, scope, nil
}

// scoped are the values of a repeated panel.
func (e *Engine) scoped(vars map[string]Option, known map[string]document.Variable) map[string]Value {
	values := map[string]Value{}
	for name, option := range vars {
		values[name] = Value{Texts: []string{option.Text}, Values: []string{option.Value}, Pattern: known[name].Pattern()}
	}
	return values
}

// builtIn are the variables that every dashboard has.
func (e *Engine) builtIn(d *document.Dashboard, r Request) map[string]Value {
	values := timeValues(r.Range)
	dashboard := single(d.Title())
	dashboard.Fields = map[string]string{"uid": d.UID(), "name": d.Title(), "title": d.Title()}
	user := single("anonymous")
	user.Fields = map[string]string{"login": "anonymous", "id": "0", "email": ""}
	org := single("Main Org.")
	org.Fields = map[string]string{"name": "Main Org.", "id": "1"}
	zone := r.Timezone
	if zone == "" {
		zone = "browser"
	}
	values["__dashboard"], values["__user"], values["__org"], values["__timezone"] = dashboard, user, org, single(zone)
	values["__url_time_range"] = single(r.urlTimeRange())
	step := stepFor(r.Range.Duration(), r.MaxDataPoints, e.ScrapeInterval)
	for name, value := range (timing{Step: step, Rate: max(step+e.ScrapeInterval, 4*e.ScrapeInterval)}).values() {
		values[name] = value
	}
	return values
}

// urlTimeRange is the range as an address carries it on: a relative one stays
// relative.
func (r Request) urlTimeRange() string {
	if r.From == "" || r.To == "" {
		return fmt.Sprintf("from=%d&to=%d", r.Range.From.UnixMilli(), r.Range.To.UnixMilli())
	}
	return "from=" + url.QueryEscape(r.From) + "&to=" + url.QueryEscape(r.To)
}

// options fills in the options of a variable.
func (e *Engine) options(
	ctx context.Context, v document.Variable, into *Resolved, scope Scope, r Request, wanted bool,
) {
	var options []Option
	var err error
	switch v.Type() {
	case "query":
		if wanted || !selfContained(v, r.Variables[v.Name()]) {
			options, err = e.queryOptions(ctx, v, scope, r.Range)
			if err == nil && len(options) == 0 {
				into.Empty = e.whyNoOptions(ctx, v, scope, r.Range)
			}
		}
	case "custom":
		options, err = customOptions(scope.expand(v.Query(), formatGlob), v.JSON.Text("valuesFormat"))
	case "constant":
		options = []Option{{v.Query(), v.Query()}}
	case "interval":
		options = intervalOptions(v)
	case "datasource":
		options, err = datasourceOptions(v)
	case "switch":
		options = switchOptions(v)
	case "groupby":
		var names []string
		names, err = e.Prometheus.LabelNames(ctx, "", r.Range)
		options = plainOptions(names)
	case "textbox", "adhoc", "system", "snapshot":
	default:
		err = &NotRunnableError{fmt.Sprintf("variables of type %q are not known here", v.Type())}
	}
	if err != nil {
		into.Error = err.Error()
		into.notHere = errors.As(err, new(*NotRunnableError))
	}
	if len(options) > maxOptions {
		into.Error = fmt.Sprintf("there are more than %d options; only the first are shown", maxOptions)
		options = options[:maxOptions]
	}
	if v.IncludesAll() {
		options = append([]Option{{"All", document.AllValue}}, options...)
	}
	into.Options = append(into.Options, options...)
}

// selfContained tells that what is asked for stands for itself, whatever the
// options.
func selfContained(v document.Variable, asked []string) bool {
	return len(asked) > 0 && (!slices.Contains(asked, document.AllValue) || v.JSON.Text("allValue") != "")
}

func plainOptions(names []string) []Option {
	options := make([]Option, len(names))
	for i, name := range names {
		options[i] = Option{name, name}
	}
	return options
}

// choose decides for a value: what is asked for, else what was saved if it is
// still there, else All, else the first option.
func choose(v document.Variable, r *Resolved, asked []string, scope Scope) {
	values := asked
	switch v.Type() {
	case "textbox":
		if len(values) == 0 {
			values = filled(v.Saved())
		}
		if len(values) == 0 {
			values = []string{v.Query()}
		}
	case "constant":
		values = []string{v.Query()}
	case "adhoc":
		r.value = Value{}
		if len(values) == 0 {
			values = savedFilters(v)
		}
		r.Current = Choice{Text: append([]string{}, values...), Value: append([]string{}, values...)}
		return
	default:
		if len(values) == 0 {
			values = stillThere(v.Saved(), *r)
		}
		if len(values) == 0 && len(r.Options) > 0 {
			values = []string{r.Options[0].Value}
		}
	}
	if slices.Contains(values, document.AllValue) && v.IncludesAll() {
		values = []string{document.AllValue}
	}
	if !v.Multi() && len(values) > 1 {
		values = values[:1]
	}
	for _, value := range values {
		option := r.option(value)
		r.Current.Text, r.Current.Value = append(r.Current.Text, option.Text), append(r.Current.Value, option.Value)
	}
	r.value = valueOf(v, *r, scope)
	if r.value.Custom {
		r.AllValue = r.value.Values[0]
	}
}

// option finds an option by its value, or by its text as people write it into
// URLs; what is no option stands for itself.
func (r Resolved) option(value string) Option {
	for _, option := range r.Options {
		if option.Value == value {
			return option
		}
	}
	for _, option := range r.Options {
		if option.Text == value {
			return option
		}
	}
	return Option{value, value}
}

// stillThere returns the saved values that are options. If the options could
// not be found, they all are.
func stillThere(saved []string, r Resolved) []string {
	if r.Error != "" && len(r.Options) <= 1 {
		return filled(saved)
	}
	return slices.DeleteFunc(slices.Clone(saved), func(value string) bool {
		return !slices.ContainsFunc(r.Options, func(o Option) bool { return o.Value == value || o.Text == value })
	})
}

// filled are the values that are not empty.
func filled(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "" })
}

func valueOf(v document.Variable, r Resolved, scope Scope) Value {
	value := Value{Texts: r.Current.Text, Values: r.Current.Value, List: v.Multi(), Pattern: v.Pattern()}
	if len(value.Values) != 1 || value.Values[0] != document.AllValue {
		return value
	}
	value.All, value.List = true, true
	if own := v.JSON.Text("allValue"); own != "" {
		value.Values, value.Custom = []string{scope.expand(own, formatGlob)}, true
		return value
	}
	value.Values = nil
	for _, option := range r.Options {
		if option.Value != document.AllValue {
			value.Values = append(value.Values, option.Value)
		}
	}
	return value
}

// autoInterval gives the option auto of an interval variable its meaning.
func autoInterval(v document.Variable, r *Resolved, request Request) {
	if len(r.value.Values) != 1 || r.value.Values[0] != autoValue {
		return
	}
	count, least := v.JSON.Integer("auto_count"), 10*time.Second
	if count == 0 {
		count = 30
	}
	if d, err := parseInterval(v.JSON.Text("auto_min")); err == nil {
		least = d
	}
	r.value.Values = []string{writeInterval(stepFor(request.Range.Duration(), count, least))}
}

// savedFilters are the filters of an ad hoc variable, in the form of URLs.
func savedFilters(v document.Variable) []string {
	var all []string
	for _, f := range append(v.JSON.Objects("baseFilters"), v.JSON.Objects("filters")...) {
		parts := []string{f.Text("key"), f.Text("operator")}
		if values := f.Texts("values"); len(values) > 1 {
			parts = append(parts, values...)
		} else {
			parts = append(parts, f.Text("value"))
		}
		all = append(all, joinMapped(parts, "|", escapeFilter))
	}
	return all
}
