// Package dashboard runs Grafana dashboards without Grafana: it loads their
// JSON or jsonnet, resolves variables, repeats panels, fills in queries, asks
// Prometheus, and answers with data frames that carry the names Grafana's
// Prometheus data source gives them.
//
// A dashboard stays the JSON it is (Object): panels have more settings than
// an engine needs to know, and a page needs them all. What the engine works
// with is read through accessors that take a value of the wrong kind for one
// that is absent, as Grafana does.
package dashboard
