package document

import (
	"fmt"
	"strconv"
	"strings"
)

// Ref points at a data source.
type Ref struct{ Type, UID string }

const (
	// DatasourceType and DatasourceUID are those of the one data source there is.
	DatasourceType = "prometheus"
	DatasourceUID  = "prometheus"
	// DatasourceName is what it is called.
	DatasourceName = "Prometheus"
	expressionType = "__expr__"
)

// refOf reads a reference: an object, or a name as old dashboards have it.
// What says nothing of its own is the fallback.
func refOf(v any, fallback Ref) Ref {
	if name, ok := v.(string); ok && name != "" {
		return Ref{UID: name}
	}
	object := asObject(v)
	ref := Ref{Type: object.Text("type"), UID: object.Text("uid")}
	if ref == (Ref{}) {
		return fallback
	}
	return ref
}

// Prometheus tells whether a data source is the one that there is, as far as its
// reference says by itself. Dashboards name it in many ways: by a variable, by
// an input that was never filled in, by the uid it has elsewhere. A target of a
// mixed panel that names none means the default one.
func (r Ref) Prometheus() bool {
	switch {
	case r.UID == "-- Mixed --":
		return true
	case r.Type != "" && r.Type != "datasource":
		return r.Type == DatasourceType
	}
	return !strings.HasPrefix(r.UID, "-- ") || r.UID == "-- Default --"
}

// Expression tells that it is no data source, but Grafana's server, which
// calculates with what other targets return.
func (r Ref) Expression() bool { return r.Type == expressionType || r.UID == expressionType }

func (r Ref) String() string {
	switch {
	case r.Type == "":
		return strconv.Quote(r.UID)
	case r.UID == "":
		return "of type " + r.Type
	}
	return fmt.Sprintf("%q of type %s", r.UID, r.Type)
}
