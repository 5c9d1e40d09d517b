package document

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// AllValue stands for All, in URLs and in saved dashboards.
const AllValue = "$__all"

// Variable is the definition of a variable.
type Variable struct{ JSON Object }

// Variables returns the definitions, in the order of the page.
func (d *Dashboard) Variables() []Variable {
	var all []Variable
	for _, object := range d.JSON.Object("templating").Objects("list") {
		if object.Text("name") != "" {
			all = append(all, Variable{object})
		}
	}
	return all
}

// Name is what queries call the variable.
func (v Variable) Name() string { return v.JSON.Text("name") }

// Type is query, custom, constant, interval, textbox, datasource, adhoc or groupby.
func (v Variable) Type() string { return v.JSON.Text("type") }

// Multi tells that several values can be chosen, IncludesAll that All can be.
func (v Variable) Multi() bool       { return v.JSON.Flag("multi") }
func (v Variable) IncludesAll() bool { return v.JSON.Flag("includeAll") }

// Pattern tells that the variable may have several values.
func (v Variable) Pattern() bool { return v.Multi() || v.IncludesAll() }

// Datasource is what a query variable asks.
func (v Variable) Datasource() Ref { return refOf(v.JSON["datasource"], Ref{}) }

// Query is the text that options come from.
func (v Variable) Query() string {
	if object := v.JSON.Object("query"); object != nil {
		return queryText(object)
	}
	return v.JSON.Text("query")
}

// queryText writes the fields of Grafana's query editor as the function that
// they stand for. The editor keeps that function alongside them, as a rule.
func queryText(o Object) string {
	if text := o.Text("query"); text != "" {
		return text
	}
	if _, typed := o["qryType"]; !typed {
		return untypedQuery(o)
	}
	switch o.Integer("qryType") {
	case 0:
		return "label_names()"
	case 1:
		if metric := o.Text("metric"); metric != "" {
			return fmt.Sprintf("label_values(%s,%s)", metric, o.Text("label"))
		}
		return fmt.Sprintf("label_values(%s)", o.Text("label"))
	case 2:
		return fmt.Sprintf("metrics(%s)", o.Text("metric"))
	case 3:
		return fmt.Sprintf("query_result(%s)", o.Text("varQuery"))
	case 4:
		return o.Text("seriesQuery")
	}
	return o.Text("expr")
}

// untypedQuery goes by the fields that are there.
func untypedQuery(o Object) string {
	for _, form := range []struct {
		field   string
		qryType float64
	}{{"label", 1}, {"metric", 2}, {"varQuery", 3}, {"seriesQuery", 4}} {
		if o.Text(form.field) != "" {
			typed := o.Copy()
			typed["qryType"] = form.qryType
			return queryText(typed)
		}
	}
	return o.Text("expr")
}

// Dependencies are the names of other variables that this one's options
// follow from.
func (v Variable) Dependencies(known map[string]Variable) []string {
	text := strings.Join([]string{v.Query(), v.JSON.Text("regex"), v.JSON.Text("allValue"), v.Datasource().UID}, "\n")
	var names []string
	for _, name := range References(text) {
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
	source, err := json.Marshal(p.Sources())
	if err != nil {
		return nil, fmt.Errorf("reading the panel: %w", err)
	}
	used, waiting := map[string]bool{}, References(string(source))
	for len(waiting) > 0 {
		name := waiting[0]
		waiting = waiting[1:]
		if v, there := known[name]; there && !used[name] {
			used[name] = true
			waiting = append(waiting, v.Dependencies(known)...)
		}
	}
	return used, nil
}

// Saved are the values that the dashboard was saved with; one may be empty.
func (v Variable) Saved() []string {
	current := v.JSON.Object("current")
	values := current.Texts("value")
	if len(values) == 0 {
		values = current.Texts("text")
	}
	if len(values) == 1 && values[0] == "All" && v.IncludesAll() {
		return []string{AllValue}
	}
	return values
}
