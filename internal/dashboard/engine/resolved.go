package engine

import (
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/prometheus"
)

// maxOptions bounds the options of a variable.
const maxOptions = prometheus.MaxNames

// inOrder sorts variables so that each comes after those it depends on. The
// names of those that depend on themselves are returned too.
func inOrder(variables []document.Variable) (sorted []document.Variable, circular map[string]bool) {
	known := map[string]document.Variable{}
	for _, v := range variables {
		known[v.Name()] = v
	}
	const visiting, done = 1, 2
	state := map[string]int{}
	circular = map[string]bool{}
	var visit func(v document.Variable)
	visit = func(v document.Variable) {
		state[v.Name()] = visiting
		for _, name := range v.Dependencies(known) {
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
			if option.Value != document.AllValue {
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
func describe(v document.Variable, known map[string]document.Variable) Resolved {
	custom := true
	if allowed, ok := v.JSON["allowCustomValue"].(bool); ok {
		custom = allowed
	}
	dependsOn := v.Dependencies(known)
	if dependsOn == nil {
		dependsOn = []string{}
	}
	label := v.JSON.Text("label")
	if label == "" {
		label = v.Name()
	}
	return Resolved{
		Name: v.Name(), Label: label, Description: v.JSON.Text("description"), Type: v.Type(), Hide: v.JSON.Integer("hide"),
		Multi: v.Multi(), IncludeAll: v.IncludesAll(), AllowCustomValue: custom, Refresh: v.JSON.Integer("refresh"),
		DependsOn: dependsOn, Options: []Option{}, Current: Choice{Text: []string{}, Value: []string{}},
	}
}
