package check

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes a report as JUnit XML: a suite for each dashboard, one for
// the rules, one for files that could not be read. What is declared empty, or
// not run, is skipped.
func (r Report) WriteJUnit(out io.Writer) error {
	all := junitSuites{Name: "diorama check"}
	for _, g := range r.groups() {
		suite := junitSuite{Name: g.title}
		for _, result := range g.results {
			suite.add(result.junit())
		}
		all.add(suite)
	}
	rules := junitSuite{Name: "rules"}
	for _, rule := range r.Rules {
		rules.add(rule.junit())
	}
	all.add(rules)
	files := junitSuite{Name: "files"}
	for _, problem := range r.Problems {
		files.add(junitCase{Name: "can be used", Class: "files", Error: &junitMessage{Message: problem}})
	}
	all.add(files)
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	encoder := xml.NewEncoder(out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err := io.WriteString(out, "\n")
	return err
}

func (s *junitSuites) add(suite junitSuite) {
	if suite.Tests == 0 {
		return
	}
	s.Suites = append(s.Suites, suite)
	s.Tests, s.Failures, s.Errors = s.Tests+suite.Tests, s.Failures+suite.Failures, s.Errors+suite.Errors
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func (r Result) junit() junitCase {
	name := r.where()
	if chosen := r.chosen(); chosen != "" {
		name += " (" + chosen + ")"
	}
	c := junitCase{Name: name, Class: r.Dashboard, File: r.File}
	message := &junitMessage{Type: string(r.Verdict), Message: r.why(), Text: r.expr()}
	switch {
	case r.Verdict == Error:
		c.Error = message
	case r.Fails():
		c.Failure = message
	case r.Verdict == Empty || r.Verdict == Skipped:
		c.Skipped = &junitMessage{Message: r.why()}
	}
	return c
}

func (r RuleResult) junit() junitCase {
	c := junitCase{Name: r.Name, Class: r.Group, File: r.File}
	message := &junitMessage{Type: string(r.Verdict), Message: r.why(), Text: strings.TrimSpace(r.Expr)}
	switch {
	case r.Verdict == Error:
		c.Error = message
	case r.Fails():
		c.Failure = message
	case r.Verdict == EmptyInput:
		c.Skipped = &junitMessage{Message: r.why()}
	}
	return c
}
