package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Forms are what a report can be printed as. The first one is for people.
func Forms() []string { return []string{"table", "json", "junit", "github", "markdown"} }

// Printing says how a report is printed.
type Printing struct {
	// Form is one of Forms.
	Form string
	// Verbose adds to the table what is in order, and the queries.
	Verbose bool
	// Compared tells that the report has been compared with an earlier one: the
	// table then says so where nothing has changed, too.
	Compared bool
}

// Print writes a report in one of its forms.
func (r Report) Print(out io.Writer, p Printing) error {
	switch p.Form {
	case "table":
		err := r.WriteTable(out, p.Verbose)
		if p.Compared {
			err = errors.Join(err, WriteChanges(out, r.Changes))
		}
		return err
	case "json":
		return r.writeJSON(out)
	case "junit":
		return r.WriteJUnit(out)
	case "github":
		return r.WriteGitHub(out)
	case "markdown":
		return r.WriteMarkdown(out, r.Changes)
	}
	return fmt.Errorf("a report has no form %q", p.Form)
}

func (r Report) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
