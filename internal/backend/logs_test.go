package backend

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/diorama-lab/diorama/internal/backend/events"
)

// podEvent is a record as the k8s_events receiver makes it.
func podEvent(uid string, at time.Time) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	for k, v := range map[string]string{
		"k8s.node.name": "node-1", "k8s.object.kind": "Pod", "k8s.object.name": "cart-0", "k8s.object.uid": "pod-uid",
		"k8s.object.fieldpath": "", "k8s.object.api_version": "v1", "k8s.cluster.name": "lab",
	} {
		rl.Resource().Attributes().PutStr(k, v)
	}
	record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(pcommon.NewTimestampFromTime(at))
	record.SetSeverityNumber(plog.SeverityNumberWarn)
	record.SetSeverityText("Warning")
	record.Body().SetStr("Back-off restarting failed container")
	for k, v := range map[string]string{
		"k8s.event.reason": "BackOff", "k8s.event.action": "", "k8s.event.name": "cart-0.1", "k8s.event.uid": uid,
		"k8s.namespace.name": "shop", "k8s.event.start_time": at.Add(-time.Minute).UTC().Truncate(time.Second).String(),
	} {
		record.Attributes().PutStr(k, v)
	}
	record.Attributes().PutInt("k8s.event.count", 1)
	return logs
}

func encodeLogs(t testing.TB, logs plog.Logs) []byte {
	t.Helper()
	data, err := plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEventsComeOutNewestFirst(t *testing.T) {
	b := start(t, Options{EventsMaxAge: time.Hour})
	now := time.Now()
	target := b.url + "/api/v1/otlp/v1/logs"
	for i, uid := range []string{"a", "b", "c"} {
		event := podEvent(uid, now.Add(time.Duration(i)*time.Second))
		code, header, _ := post(t, target, contentProtobuf, encodeLogs(t, event))
		if code != 200 || header.Get("Content-Type") != contentProtobuf {
			t.Fatalf("%d %v", code, header)
		}
	}
	var page events.Page
	get(t, b.url+"/api/v1/diorama/events?namespace=shop&kind=Pod&reason=BackOff&type=Warning&since=10m&limit=2", &page)
	if len(page.Events) != 2 || page.Events[0].UID != "c" || page.NextCursor == "" {
		t.Fatalf("page %+v", page)
	}
	cursor := page.NextCursor
	page = events.Page{}
	get(t, b.url+"/api/v1/diorama/events?limit=2&cursor="+cursor, &page)
	if len(page.Events) != 1 || page.Events[0].UID != "a" || page.NextCursor != "" {
		t.Errorf("page 2 %+v", page)
	}
	for _, bad := range []string{
		"limit=0", "limit=x", "since=yesterday", "cursor=!", "colour=red", "since=1m&until=1h", "kind=a&kind=b",
	} {
		if code := get(t, b.url+"/api/v1/diorama/events?"+bad, nil); code != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, code)
		}
	}
}

func TestOldEventsAreRejectedAloud(t *testing.T) {
	b := start(t, Options{EventsMaxAge: time.Hour})
	logs := podEvent("new", time.Now())
	podEvent("old", time.Now().Add(-2*time.Hour)).ResourceLogs().MoveAndAppendTo(logs.ResourceLogs())
	request, err := plogotlp.NewExportRequestFromLogs(logs).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	code, _, body := post(t, b.url+"/v1/logs", contentJSON, request)
	response := plogotlp.NewExportResponse()
	if err := response.UnmarshalJSON(body); err != nil || code != 200 {
		t.Fatalf("%d %s: %v", code, body, err)
	}
	if n := response.PartialSuccess().RejectedLogRecords(); n != 1 || response.PartialSuccess().ErrorMessage() == "" {
		t.Errorf("rejected %d: %s", n, body)
	}
	if in := ingestion(t, b.url); in.EventsStored != 1 || in.EventsRejectedTotal != 1 || in.EventsReceivedTotal != 2 {
		t.Errorf("ingestion %+v", in)
	}
}

func TestBadLogBodies(t *testing.T) {
	b := start(t, Options{MaxBodyBytes: 1024})
	for _, c := range []struct {
		kind, body string
		code       int
		status     codes.Code
	}{
		{contentProtobuf, "rubbish", 400, codes.InvalidArgument},
		{contentJSON, "{", 400, codes.InvalidArgument},
		{"text/plain", "hello", 400, codes.InvalidArgument},
		{contentProtobuf, strings.Repeat("x", 2000), 413, codes.ResourceExhausted},
	} {
		code, _, body := post(t, b.url+"/api/v1/otlp/v1/logs", c.kind, []byte(c.body))
		status := decodeStatus(t, c.kind, body)
		if code != c.code || codes.Code(status.Code) != c.status || status.Message == "" {
			t.Errorf("%s %.10q: %d %v", c.kind, c.body, code, status)
		}
	}
}

func decodeStatus(t *testing.T, kind string, body []byte) *spb.Status {
	t.Helper()
	status := &spb.Status{}
	decode := proto.Unmarshal
	if kind == contentJSON {
		decode = protojson.Unmarshal
	}
	if err := decode(body, status); err != nil {
		t.Fatalf("no google.rpc.Status: %q: %v", body, err)
	}
	return status
}

func TestTracesAreRefused(t *testing.T) {
	b := start(t, Options{})
	for _, path := range []string{"/api/v1/otlp/v1/traces", "/v1/traces"} {
		for _, kind := range []string{contentProtobuf, contentJSON} {
			code, header, body := post(t, b.url+path, kind, []byte("{}"))
			status := decodeStatus(t, kind, body)
			unimplemented := code == http.StatusNotImplemented && codes.Code(status.Code) == codes.Unimplemented
			if !unimplemented || header.Get("Retry-After") != "" {
				t.Errorf("%s %s: %d %v", path, kind, code, status)
			}
		}
	}
}

func TestForeignRequestsAreRefused(t *testing.T) {
	b := start(t, Options{AllowedHosts: []string{"host.docker.internal"}})
	for host, want := range map[string]int{
		"evil.example:9090": 403, "localhost:9090": 200, "[::1]:9090": 200, "127.0.0.1": 200,
		"host.docker.internal:9090": 200, "10.0.0.1": 403, "lab.localhost": 200,
	} {
		if code, _, _ := post(t, b.url+"/-/reload", "", nil, "Host", host); code != want {
			t.Errorf("%s: %d, want %d", host, code, want)
		}
	}
	if code, _, _ := post(t, b.url+"/-/reload", "", nil, "Origin", "http://evil.example"); code != 403 {
		t.Errorf("cross-site write: %d", code)
	}
}

// Pages of this machine may read the API, others are answered without leave; none
// of them makes it fail.
func TestOrigins(t *testing.T) {
	b := start(t, Options{})
	for origin, allowed := range map[string]bool{
		"http://localhost:5173": true, "https://127.0.0.1": true, "http://[::1]:3000": true,
		"http://evil.example": false, "http://localhost.evil.example": false, "null": false,
	} {
		for _, path := range []string{"/api/v1/query?query=1", "/api/v1/labels", "/api/v1/rules"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Origin", origin)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatalf("%s, %s: %v", origin, path, err)
			}
			_ = response.Body.Close()
			got := response.Header.Get("Access-Control-Allow-Origin")
			if response.StatusCode != http.StatusOK || (got == origin) != allowed || !allowed && got != "" {
				t.Errorf("%s, %s: %s, allowed is %q", origin, path, response.Status, got)
			}
		}
	}
}

func TestRulesReload(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const good = "groups:\n- name: g\n  interval: 100ms\n  rules:\n" +
		"  - alert: Always\n    expr: vector(1)\n  - record: one\n    expr: vector(1)\n"
	write(good)
	b := start(t, Options{RuleFiles: []string{filepath.Join(dir, "*.yaml")}})
	alerts := func() int {
		var data struct{ Alerts []any }
		get(t, b.url+"/api/v1/alerts", &data)
		return len(data.Alerts)
	}
	eventually(t, func() bool { return alerts() == 1 })
	eventually(t, func() bool { return len(query(t, b.url, "one", time.Now())) == 1 })

	write(strings.Replace(good, "vector(1)", "vector(", 1))
	reload := func() (int, string) {
		code, _, said := post(t, b.url+"/-/reload", "", nil)
		return code, string(said)
	}
	if code, said := reload(); code == http.StatusOK || !strings.Contains(said, file+":6:") {
		t.Errorf("reload: %d, %s", code, said)
	}
	if in := ingestion(t, b.url); in.RulesError == "" {
		t.Error("ingestion does not report the bad file")
	}
	if alerts() != 1 {
		t.Error("the good rules are gone")
	}
	write("groups: []\n")
	if code, said := reload(); code != http.StatusOK {
		t.Errorf("reload: %d, %s", code, said)
	}
	// A file that is saved is read without being asked for.
	write("groups: nothing\n")
	eventually(t, func() bool { return strings.Contains(ingestion(t, b.url).RulesError, file+":1: ") })
	write("groups: [ ]\n")
	eventually(t, func() bool { return ingestion(t, b.url).RulesError == "" })
	eventually(t, func() bool { return alerts() == 0 })
	if _, err := RuleFiles([]string{filepath.Join(dir, "none.yaml")}); err == nil {
		t.Error("a missing file is no error")
	}
}
