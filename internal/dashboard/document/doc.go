// Package document is a Grafana dashboard as it is written: it reads the forms
// that its JSON has had, v2 resources too, and brings them to what today's
// panels read.
//
// A dashboard stays the JSON it is (Object): panels have more settings than
// an engine needs to know, and a page needs them all. What the engine works
// with is read through accessors that take a value of the wrong kind for one
// that is absent, as Grafana does.
package document
