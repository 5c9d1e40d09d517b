package prometheus

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// BenchmarkQueryRange reads what an hour of 500 pods looks like.
func BenchmarkQueryRange(b *testing.B) {
	var body strings.Builder
	body.WriteString(`{"status":"success","data":{"resultType":"matrix","result":[`)
	for series := range 500 {
		if series > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"metric":{"k8s_namespace_name":"shop","k8s_pod_name":"cart-75bcb59-%d"},"values":[`, series)
		for point := range 240 {
			if point > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `[%d,"%g"]`, 1764090000+15*point, float64(series*point)/7)
		}
		body.WriteString(`]}`)
	}
	body.WriteString(`]}}`)
	server := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body.String()) }))
	defer server.Close()
	client := NewClient(server.URL)
	defer client.Close()
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		answer, err := client.QueryRange(b.Context(), "up", TimeRange{time.Unix(0, 0), time.Unix(3600, 0)}, 15*time.Second)
		if err != nil || len(answer.Series) != 500 {
			b.Fatal(len(answer.Series), err)
		}
	}
}
