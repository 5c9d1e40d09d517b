package telemetry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadPrometheus(t *testing.T) {
	answer, code := `{"status": "success", "data": {"headStats":
		{"numSeries": 508, "chunkCount": 937, "minTime": 1591516800000, "maxTime": 1598896800143}}}`, http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/proxy/api/v1/status/tsdb" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	got, err := readPrometheus(t.Context(), server.URL+"/proxy")
	if err != nil || got.Series != 508 || got.LastSampleTime.UnixMilli() != 1598896800143 {
		t.Errorf("read %+v, %v", got, err)
	}
	code = http.StatusBadGateway
	if _, err := readPrometheus(t.Context(), server.URL+"/proxy"); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("a gateway that fails gives %v", err)
	}
}
