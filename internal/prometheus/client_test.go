package prometheus

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What the forms of an answer are read as.
func TestQuery(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"vector": {
			`"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1.5,"2"]}]`,
			"vector: map[a:b] [{1500 2}]",
		},
		"matrix": {
			`"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"],[2,"+Inf"]]}]`,
			"matrix: map[] [{1000 2} {2000 +Inf}]",
		},
		"scalar": {`"resultType":"scalar","result":[1,"2.5"]`, "scalar: map[] [{1000 2.5}]"},
		"string": {`"resultType":"string","result":[1,"text"]`, "string: map[] [{1000 0}] text"},
		"the type behind the result": {`"result":[{"metric":{},"value":[1,"2"]}],"resultType":"vector"`,
			"vector: map[] [{1000 2}]"},
		"a native histogram": {`"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]`,
			"vector: [a native histogram is not shown; use histogram_quantile or histogram_count]"},
		"nothing":                       {`"resultType":"vector","result":[]`, "vector:"},
		"a field that nobody knows yet": {`"new":{"a":[1]},"resultType":"vector","result":[]`, "vector:"},
	} {
		client := answering(t, http.StatusOK, `{"status":"success","data":{`+c.data+`}}`)
		answer, err := client.Query(t.Context(), "up", time.Unix(1, 0))
		got := answer.Type + ":"
		for _, series := range answer.Series {
			got += fmt.Sprintf(" %v %v", series.Labels, series.Points)
		}
		if answer.Text != "" {
			got += " " + answer.Text
		}
		if len(answer.Warnings) > 0 {
			got += fmt.Sprintf(" %v", answer.Warnings)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
}

// answering is a client of a server that answers everything in one way.
func answering(t *testing.T, status int, body string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	client := NewClient(server.URL + "/")
	t.Cleanup(client.Close)
	return client
}

// What a refusal, and what is no answer of Prometheus, come to.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		body    string
		want    string
		refused string // the kind of the refusal; "" where it is none
	}{
		"refused":      {400, `{"status":"error","errorType":"bad_data","error":"parse error"}`, "parse error", "bad_data"},
		"too slow":     {503, `{"status":"error","errorType":"timeout","error":"timed out"}`, "timed out", "timeout"},
		"a page":       {200, `<html>`, "it is no answer of Prometheus' API", ""},
		"another API":  {200, `{"items":[]}`, "it is no answer of Prometheus' API", ""},
		"a gateway":    {502, `bad gateway`, "it answers 502 Bad Gateway", ""},
		"half":         {200, `{"status":"success","data":{"result":[`, "unexpected EOF", ""},
		"no number":    {200, `{"data":{"result":[{"value":[1,"many"]}]}}`, `"many" is no number`, ""},
		"three values": {200, `{"data":{"result":[{"value":[1,"2",3]}]}}`, "more than a time and a value", ""},
	} {
		_, err := answering(t, c.status, c.body).Query(t.Context(), "up", time.Unix(1, 0))
		var refusal *QueryError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &refusal) != (c.refused != "") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if refusal != nil && (refusal.Kind != c.refused || refusal.Status != c.status) {
			t.Errorf("%s: %d %s", name, refusal.Status, refusal.Kind)
		}
	}
}

// More series than are taken are cut, whether Prometheus does it or not.
func TestCut(t *testing.T) {
	for name, body := range map[string]string{
		"by Prometheus": `{"status":"success","warnings":["results truncated due to limit","other"],` +
			`"data":{"resultType":"vector","result":[]}}`,
		"here": `{"status":"success","warnings":["other"],"data":{"resultType":"vector","result":[` +
			strings.Repeat(`{"metric":{},"value":[1,"2"]},`, MaxSeries) + `{"metric":{},"value":[1,"2"]}]}}`,
	} {
		answer, err := answering(t, http.StatusOK, body).Query(t.Context(), "up", time.Unix(1, 0))
		if err != nil || !answer.Cut || len(answer.Series) > MaxSeries || len(answer.Warnings) != 1 {
			t.Errorf("%s: cut %v, %d series, warnings %q, %v", name, answer.Cut, len(answer.Series), answer.Warnings, err)
		}
	}
}
