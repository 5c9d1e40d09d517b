package dashboard

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// allValue stands for All, in URLs and in saved dashboards.
const allValue = "$__all"

// maxOptions bounds the options of a variable.
const maxOptions = 10_000

// Variable is the definition of a variable.
type Variable struct{ JSON Object }

// Variables returns the definitions, in the order of the page.
func (d *Dashboard) Variables() []Variable {
	var all []Variable
	for _, object := range d.JSON.object("templating").objects("list") {
		if object.text("name") != "" {
			all = append(all, Variable{object})
		}
	}
	return all
}

// Name is what queries call the variable.
func (v Variable) Name() string { return v.JSON.text("name") }

// Type is query, custom, constant, interval, textbox, datasource, adhoc or groupby.
func (v Variable) Type() string { return v.JSON.text("type") }

func (v Variable) multi() bool      { return v.JSON.flag("multi") }
func (v Variable) includeAll() bool { return v.JSON.flag("includeAll") }

// pattern tells that the variable may have several values.
func (v Variable) pattern() bool { return v.multi() || v.includeAll() }

// Query is the text that options come from.
func (v Variable) Query() string {
	if object := v.JSON.object("query"); object != nil {
		return queryText(object)
	}
	return v.JSON.text("query")
}

// queryText writes the parts of Grafana's query editor as the function that
// they stand for. The editor keeps that function beside them, as a rule.
func queryText(o Object) string {
	if text := o.text("query"); text != "" {
		return text
	}
	switch o.integer("qryType") {
	case 0:
		return "label_names()"
	case 1:
		if metric := o.text("metric"); metric != "" {
			return fmt.Sprintf("label_values(%s,%s)", metric, o.text("label"))
		}
		return fmt.Sprintf("label_values(%s)", o.text("label"))
	case 2:
		return fmt.Sprintf("metrics(%s)", o.text("metric"))
	case 3:
		return fmt.Sprintf("query_result(%s)", o.text("varQuery"))
	case 4:
		return o.text("seriesQuery")
	}
	return o.text("expr")
}

// dependencies are the names of other variables that this one's options
// follow from.
func (v Variable) dependencies(known map[string]Variable) []string {
	text := strings.Join([]string{v.Query(), v.JSON.text("regex"), v.JSON.text("allValue"), refOf(v.JSON["datasource"], Ref{}).UID}, "\n")
	var names []string
	for _, name := range references(text) {
		if _, ok := known[name]; ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Uses are the variables that a panel's queries follow from, directly or by
// other variables.
func (d *Dashboard) Uses(p Panel) (map[string]bool, error) {
	known := map[string]Variable{}
	for _, v := range d.Variables() {
		known[v.Name()] = v
	}
	source, err := json.Marshal(p.sources())
	if err != nil {
		return nil, fmt.Errorf("reading the panel: %w", err)
	}
	used, waiting := map[string]bool{}, references(string(source))
	for len(waiting) > 0 {
		name := waiting[0]
		waiting = waiting[1:]
		if v, there := known[name]; there && !used[name] {
			used[name] = true
			waiting = append(waiting, v.dependencies(known)...)
		}
	}
	return used, nil
}

// inOrder sorts variables so that each comes after those it depends on. The
// names of those that depend on themselves are returned too.
func inOrder(variables []Variable) (sorted []Variable, circular map[string]bool) {
	known := map[string]Variable{}
	for _, v := range variables {
		known[v.Name()] = v
	}
	const visiting, done = 1, 2
	state := map[string]int{}
	circular = map[string]bool{}
	var visit func(v Variable)
	visit = func(v Variable) {
		state[v.Name()] = visiting
		for _, name := range v.dependencies(known) {
			switch state[name] {
			case visiting:
				circular[v.Name()] = true
			case 0:
				visit(known[name])
			}
		}
		state[v.Name()] = done
		sorted = append(sorted, v)
	}
	for _, v := range variables {
		if state[v.Name()] == 0 {
			visit(known[v.Name()])
		}
	}
	return sorted, circular
}

// Option is one choice of a variable.
type Option struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// Choice is what is chosen: texts and values have one length.
type Choice struct {
	Text  []string `json:"text"`
	Value []string `json:"value"`
}

// Resolved is a variable with its options and what is chosen of them.
type Resolved struct {
	Name             string   `json:"name"`
	Label            string   `json:"label"`
	Description      string   `json:"description"`
	Type             string   `json:"type"`
	Hide             int      `json:"hide"`
	Multi            bool     `json:"multi"`
	IncludeAll       bool     `json:"includeAll"`
	AllowCustomValue bool     `json:"allowCustomValue"`
	Refresh          int      `json:"refresh"`
	DependsOn        []string `json:"dependsOn"`
	Current          Choice   `json:"current"`
	Options          []Option `json:"options"`
	// AllValue is the author's own value for All, while All is chosen.
	AllValue string `json:"allValue,omitempty"`
	Error    string `json:"error,omitempty"`
	// Empty says why a query finds no options.
	Empty *Reason `json:"empty,omitempty"`

	value Value
	// notHere tells that Error is that it asks what is not Prometheus.
	notHere bool
}

// NotHere tells that the variable has no options because it asks for what is
// not run here.
func (r Resolved) NotHere() bool { return r.notHere }

// chosen are the options that are chosen, those that All stands for included.
func (r Resolved) chosen() []Option {
	var all []Option
	if r.value.All {
		for _, option := range r.Options {
			if option.Value != allValue {
				all = append(all, option)
			}
		}
		return all
	}
	for i, value := range r.Current.Value {
		all = append(all, Option{Text: r.Current.Text[i], Value: value})
	}
	return all
}

// describe starts a Resolved with what the definition says.
func (v Variable) describe(known map[string]Variable) Resolved {
	custom := true
	if allowed, ok := v.JSON["allowCustomValue"].(bool); ok {
		custom = allowed
	}
	dependsOn := v.dependencies(known)
	if dependsOn == nil {
		dependsOn = []string{}
	}
	label := v.JSON.text("label")
	if label == "" {
		label = v.Name()
	}
	return Resolved{
		Name: v.Name(), Label: label, Description: v.JSON.text("description"), Type: v.Type(), Hide: v.JSON.integer("hide"),
		Multi: v.multi(), IncludeAll: v.includeAll(), AllowCustomValue: custom, Refresh: v.JSON.integer("refresh"),
		DependsOn: dependsOn, Options: []Option{}, Current: Choice{Text: []string{}, Value: []string{}},
	}
}

// saved are the values that the dashboard was saved with.
func (v Variable) saved() []string {
	current := v.JSON.object("current")
	values := current.texts("value")
	if len(values) == 0 {
		values = current.texts("text")
	}
	if len(values) == 1 && values[0] == "All" && v.includeAll() {
		return []string{allValue}
	}
	return slices.DeleteFunc(values, func(s string) bool { return s == "" })
}

// IncludesAll tells that All can be chosen.
func (v Variable) IncludesAll() bool { return v.includeAll() }
