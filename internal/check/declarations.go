package check

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/dashboard/engine"
)

// DeclarationsFile is the name of the file next to dashboards.
const DeclarationsFile = "diorama-check.yaml"

// Declarations say which panels and rules may be empty, and why.
type Declarations struct {
	// Variables are the values that are chosen where a single one is.
	Variables map[string]Values `yaml:"variables"`
	// MayBeEmpty are declarations for panels, Rules for rules.
	MayBeEmpty []Declaration     `yaml:"mayBeEmpty"`
	Rules      []RuleDeclaration `yaml:"rules"`
}

// Values are those that are preferred of a variable, the first that there is
// before the others. A file may write a single one without a list.
type Values []string

// UnmarshalYAML takes a value or a list of them.
func (v *Values) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*v = Values{node.Value}
		return nil
	}
	return node.Decode((*[]string)(v))
}

// choose is the preferred value among options; "" if none of them is there.
// A variable without options takes any.
func (v Values) choose(options []engine.Option) string {
	for _, value := range v {
		if len(options) == 0 || slices.ContainsFunc(options, func(o engine.Option) bool { return o.Value == value }) {
			return value
		}
	}
	return ""
}

// Declaration lets panels of one dashboard be empty.
type Declaration struct {
	// Dashboard is a uid.
	Dashboard string `yaml:"dashboard"`
	// Panels are titles, as written in the dashboard or as shown.
	Panels []string `yaml:"panels"`
	// Variables are names of variables that may have no values.
	Variables []string `yaml:"variables"`
	// Choice limits it: All is for all values chosen, one for single values.
	Choice string `yaml:"choice"`
	// Kinds limits it to environments of these kinds.
	Kinds []v1alpha1.Kind `yaml:"kinds"`
	// Sometimes is for what is empty or not for a reason that nobody here
	// knows, such as the version of a collector: it is never stale.
	Sometimes bool   `yaml:"sometimes"`
	Reason    string `yaml:"reason"`

	where string
}

// RuleDeclaration lets a rule read what is not there.
type RuleDeclaration struct {
	Rule   string          `yaml:"rule"`
	Kinds  []v1alpha1.Kind `yaml:"kinds"`
	Reason string          `yaml:"reason"`

	where string
}

// LoadDeclarations reads a file of declarations. Its errors name file and line.
func LoadDeclarations(path string) (Declarations, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Declarations{}, fmt.Errorf("reading the declarations: %w", err)
	}
	return ParseDeclarations(path, data)
}

// ParseDeclarations reads declarations; file names them in errors.
func ParseDeclarations(file string, data []byte) (Declarations, error) {
	var d Declarations
	var root yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return d, nil
		}
		return d, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := v1alpha1.CheckFields(&root, reflect.TypeFor[Declarations]()); err != nil {
		return d, fmt.Errorf("%s: %w", file, err)
	}
	if err := root.Decode(&d); err != nil {
		return d, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return d, d.check(file, root.Content[0])
}

// check says what a declaration lacks, and notes where each stands.
func (d *Declarations) check(file string, root *yaml.Node) error {
	var problems []error
	for i, line := range linesOf(root, "mayBeEmpty") {
		e := &d.MayBeEmpty[i]
		e.where = fmt.Sprintf("%s:%d", file, line)
		switch {
		case e.Dashboard == "" || len(e.Panels)+len(e.Variables) == 0:
			problems = append(problems, fmt.Errorf("%s: needs a dashboard (its uid) and panels or variables", e.where))
		case e.Reason == "":
			problems = append(problems, fmt.Errorf("%s: needs a reason", e.where))
		case e.Choice != "" && e.Choice != All && e.Choice != One:
			problems = append(problems, fmt.Errorf("%s: choice %q: All and one are known", e.where, e.Choice))
		}
		problems = append(problems, checkKinds(e.where, e.Kinds))
	}
	for i, line := range linesOf(root, "rules") {
		e := &d.Rules[i]
		e.where = fmt.Sprintf("%s:%d", file, line)
		if e.Rule == "" || e.Reason == "" {
			problems = append(problems, fmt.Errorf("%s: needs a rule and a reason", e.where))
		}
		problems = append(problems, checkKinds(e.where, e.Kinds))
	}
	return errors.Join(problems...)
}

func checkKinds(where string, kinds []v1alpha1.Kind) error {
	for _, kind := range kinds {
		if !slices.Contains(v1alpha1.Kinds(), kind) {
			return fmt.Errorf("%s: kind %q: %q are known", where, kind, v1alpha1.Kinds())
		}
	}
	return nil
}

// For returns the declarations that hold in an environment of a kind; "" is
// somebody else's Prometheus, for which all hold.
func (d Declarations) For(kind v1alpha1.Kind) Declarations {
	other := func(kinds []v1alpha1.Kind) bool {
		return kind != "" && len(kinds) > 0 && !slices.Contains(kinds, kind)
	}
	d.MayBeEmpty = slices.DeleteFunc(slices.Clone(d.MayBeEmpty), func(e Declaration) bool { return other(e.Kinds) })
	d.Rules = slices.DeleteFunc(slices.Clone(d.Rules), func(e RuleDeclaration) bool { return other(e.Kinds) })
	return d
}

// linesOf are the lines of the items of a list.
func linesOf(root *yaml.Node, key string) []int {
	var lines []int
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			for _, item := range root.Content[i+1].Content {
				lines = append(lines, item.Line)
			}
		}
	}
	return lines
}

// Add takes over further declarations. Values of variables that are there
// already stay.
func (d *Declarations) Add(more Declarations) {
	d.MayBeEmpty, d.Rules = append(d.MayBeEmpty, more.MayBeEmpty...), append(d.Rules, more.Rules...)
	for name, value := range more.Variables {
		if d.Variables == nil {
			d.Variables = map[string]Values{}
		}
		if _, there := d.Variables[name]; !there {
			d.Variables[name] = value
		}
	}
}

// declarationsOf returns the path of the declarations that are for a file or folder,
// or nothing if there are none.
func declarationsOf(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		path = filepath.Dir(path)
	}
	file := filepath.Join(path, DeclarationsFile)
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// concerns tells that one of the declaration's names is a result's, and that
// it is for the result's choice.
func (e Declaration) concerns(r Result) bool {
	return e.chooses(r) && slices.ContainsFunc(e.names(r.Kind), func(name string) bool { return r.named(name) })
}

// chooses tells that a declaration is for a result's dashboard and choice.
func (e Declaration) chooses(r Result) bool {
	return e.Dashboard == r.Dashboard && !(e.Choice == All && r.Choice != All) && !(e.Choice == One && r.Choice == All)
}

// names are those that the declaration has for a kind of results.
func (e Declaration) names(kind string) []string {
	if kind == KindVariable {
		return e.Variables
	}
	return e.Panels
}

// named tells that a panel has a title, as it is shown or written, or that a
// variable has a name.
func (r Result) named(name string) bool {
	if r.Kind == KindVariable {
		return name == r.Name
	}
	return name == r.PanelTitle || r.sourceTitle != "" && name == r.sourceTitle
}

// covers tells that a result's emptiness is declared.
func (d Declarations) covers(r Result) bool {
	if r.Declared != "" || r.described != "" {
		return true
	}
	for _, e := range d.MayBeEmpty {
		if e.concerns(r) {
			return true
		}
	}
	return false
}

// tag is what a panel's description says of its emptiness.
var tag = regexp.MustCompile(`(?i)\[may be empty:\s*([^\]]+?)\s*\]`)

func described(description string) string {
	if parts := tag.FindStringSubmatch(description); parts != nil {
		return parts[1]
	}
	return ""
}

// declare marks what is declared, and lists the declarations for what has data.
func (r *Report) declare(d Declarations) {
	for _, e := range d.MayBeEmpty {
		for _, name := range e.Panels {
			r.declareOne(e, name, KindTarget, KindAnnotation)
		}
		for _, name := range e.Variables {
			r.declareOne(e, name, KindVariable)
		}
	}
	r.declareByPanels()
	r.declareRules(d)
}

// declareOne marks the results of one name that a declaration has. What has
// data wherever it was run is stale unless it is declared for some times only,
// and so is a name that the dashboard does not have.
func (r *Report) declareOne(e Declaration, name string, kinds ...string) {
	checked, there, full, empty := false, false, 0, 0
	for i := range r.Results {
		result := &r.Results[i]
		checked = checked || result.Dashboard == e.Dashboard
		if result.Dashboard != e.Dashboard || !slices.Contains(kinds, result.Kind) || !result.named(name) {
			continue
		}
		there = true
		switch {
		case !e.chooses(*result):
		case result.Verdict == Empty:
			result.Declared = e.Reason
			empty++
		case result.Verdict == Data:
			full++
		}
	}
	stale := Stale{Where: e.where, What: e.Dashboard + ": " + name, Reason: e.Reason}
	switch {
	case checked && !there && !r.Interrupted:
		stale.Missing = true
		r.Stale = append(r.Stale, stale)
	case full > 0 && empty == 0 && !e.Sometimes:
		r.Stale = append(r.Stale, stale)
	}
}

// declareByPanels does the same for what descriptions of panels say.
func (r *Report) declareByPanels() {
	type place struct {
		dashboard string
		panel     int
	}
	reasons, titles := map[place]string{}, map[place]string{}
	empty, full := map[place]bool{}, map[place]bool{}
	var order []place
	for i := range r.Results {
		result := &r.Results[i]
		if result.Kind != KindTarget || result.described == "" {
			continue
		}
		at := place{result.Dashboard, result.Panel}
		if _, seen := reasons[at]; !seen {
			order = append(order, at)
		}
		reasons[at], titles[at] = result.described, result.PanelTitle
		switch result.Verdict {
		case Empty:
			empty[at], result.Declared = true, result.described
		case Data:
			full[at] = true
		}
	}
	for _, at := range order {
		if full[at] && !empty[at] {
			r.Stale = append(r.Stale, Stale{
				Where: "the description of the panel", What: at.dashboard + ": " + titles[at], Reason: reasons[at],
			})
		}
	}
}
