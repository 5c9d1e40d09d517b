package backend

import (
	"strings"
	"testing"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// What is wrong with a request is its sender's to mend: 400, in the form that
// collectors log.
func TestRequestsThatCannotBeTranslated(t *testing.T) {
	b := start(t, Options{})
	const exponential = `{"name":"x","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"count":"5"}]}}`
	point := `"gauge":{"dataPoints":[{"asDouble":1}]}`
	for metric, want := range map[string]string{
		`{"name":"",` + point + `}`:  "a metric has no name: give it one",
		`{` + point + `}`:            "a metric has no name: give it one",
		`{"name":"?",` + point + `}`: "give it a name with letters or digits",
		`{"name":"x"}`:               "it has no data",
		`{"name":"x","gauge":{}}`:    "a metric needs data points",
		`{"name":"x","sum":{"aggregationTemporality":1,"dataPoints":[{"asDouble":1}]}}`: "have to be cumulative",
		exponential:  "Count field is 5",
		`{"name":5}`: "body is no OTLP metrics request: ",
	} {
		body := `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[` + metric + `]}]}]}`
		code, header, answer := post(t, b.url+"/v1/metrics", contentJSON, []byte(body))
		var status spb.Status
		if err := protojson.Unmarshal(answer, &status); err != nil {
			t.Fatalf("%s: %q: %v", metric, answer, err)
		}
		if code != 400 || header.Get("Content-Type") != contentJSON || !strings.Contains(status.GetMessage(), want) {
			t.Errorf("%s: %d %s, want %s", metric, code, answer, want)
		}
	}
	md := podMetrics(time.Now())
	gauge(resource(md), "", "", time.Now(), 1)
	code, _, answer := post(t, b.url+"/v1/metrics", contentProtobuf, encode(t, md))
	var status spb.Status
	if err := proto.Unmarshal(answer, &status); err != nil || code != 400 || status.GetCode() != 3 {
		t.Errorf("%d %q, %v", code, answer, err)
	}
}
