package document

import (
	"encoding/json"
	"testing"
)

// v2 keeps the query apart, and what older versions have in legacyOptions.
func TestAnnotationsOfV2(t *testing.T) {
	d, err := Parse("a.json", []byte(`{"apiVersion":"dashboard.grafana.app/v2","metadata":{"name":"a"},
		"spec":{"title":"A","elements":{},"layout":{"kind":"GridLayout","spec":{"items":[]}},
		"annotations":[{"kind":"AnnotationQuery",
		"spec":{"name":"Deploys","enable":true,"hide":false,"iconColor":"red","filter":{"exclude":false,"ids":[4]},
		"query":{"kind":"DataQuery","group":"prometheus","version":"v0","datasource":{"name":"p"},"spec":{"expr":"up"}},
		"legacyOptions":{"titleFormat":"t","step":"1m"}}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	q := d.AnnotationQueries()[0]
	data, err := json.Marshal(q.JSON)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"datasource":{"type":"prometheus","uid":"p"},"enable":true,"expr":"up","filter":{"exclude":false,` +
		`"ids":[4]},"hide":false,"iconColor":"red","name":"Deploys","step":"1m","titleFormat":"t"}`
	if string(data) != want {
		t.Errorf("classic form %s, want %s", data, want)
	}
}
