package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Every route of docs/web-api.md that Grafana has too.
func TestGrafanaRoutes(t *testing.T) {
	start(t).check(
		expected{"GET", "/api/health", "", 200, `"database":"ok","version":"v1"`},
		expected{"GET", "/api/search", "", 200, `"uid":"pods","title":"The pods","uri":"db/the-pods",` +
			`"url":"/d/pods/the-pods","slug":"the-pods","type":"dash-db","tags":["k8s"],"isStarred":false,"folderUid":"team",` +
			`"folderTitle":"team"`},
		expected{"GET", "/api/search?query=POD", "", 200, `"uid":"pods"`},
		expected{"GET", "/api/search?query=nothing", "", 200, `[]`},
		expected{"GET", "/api/search?tag=k8s&tag=x", "", 200, `[]`},
		expected{"GET", "/api/search?dashboardUIDs=shipped", "", 200, `[{"id":1,"uid":"shipped"`},
		expected{"GET", "/api/search?folderUIDs=team", "", 200, `"uid":"pods"`},
		expected{"GET", "/api/search?type=dash-folder", "", 200, `[{"id":1,"uid":"team","title":"team"`},
		expected{"GET", "/api/search?limit=0", "", 400, `limit must be a number from 1, not \"0\"`},
		expected{"GET", "/api/folders", "", 200, `[{"id":1,"uid":"team","title":"team"}]`},
		expected{"GET", "/api/folders/team", "", 200, `{"id":1,"uid":"team","title":"team"}`},
		expected{"GET", "/api/folders/..%2f..%2fetc", "", 404, `there is no folder`},
		expected{"GET", "/api/dashboards/uid/pods", "", 200, `"meta":{"canEdit":true,"canSave":true,"folderTitle":"team"`},
		expected{"GET", "/api/dashboards/uid/nothing", "", 404,
			`{"message":"there is no dashboard with the uid \"nothing\""}`},
		expected{"GET", "/api/dashboards/uid/..%2f..%2fetc%2fpasswd", "", 404, `there is no dashboard`},
		expected{"GET", "/api/datasources", "", 200, `[{"access":"proxy"`},
		expected{"GET", "/api/datasources/uid/prometheus", "", 200, `"type":"prometheus"`},
		expected{"GET", "/api/datasources/name/Prometheus", "", 200,
			`"jsonData":{"httpMethod":"POST","timeInterval":"15s"}`},
		expected{"GET", "/api/datasources/uid/loki", "", 404, `there is no data source \"loki\"`},
		expected{"GET", "/api/annotations?from=now-1h&to=now", "", 200, `[]`},
		expected{"GET", "/api/annotations?from=never", "", 400, `\"never\" is no time`},
		expected{"GET", "/api/annotations?limit=x", "", 400, `limit must be a number`},
		expected{"GET", "/api/nothing", "", 404, `{"message":"there is no GET /api/nothing here"}`},
		expected{"PUT", "/api/search", "", 405, `/api/search is not for PUT, but for GET`},
	)
}

func TestDSQuery(t *testing.T) {
	at := fmt.Sprintf(`"from":"%d","to":"%d"`, begin.UnixMilli(), begin.Add(time.Minute).UnixMilli())
	start(t).check(
		expected{"POST", "/api/ds/query",
			`{"queries":[{"refId":"A","expr":"sum(pod_up)","instant":true,"datasource":{"uid":"prometheus"}}],` + at + `}`, 200,
			`"values":[[1767322860000],[3]]`},
		expected{"POST", "/api/ds/query",
			`{"queries":[{"refId":"A","expr":"pod_up","range":true,"intervalMs":60000,"maxDataPoints":10}],` + at + `}`, 200,
			`"values":[[1767322800000,1767322860000],[1,1]]`},
		expected{"POST", "/api/ds/query", `{"queries":[{"refId":"A","expr":"sum("},{"refId":"B","expr":"pod_up"}],` + at +
			`}`, 400, `"B":{"status":200`},
		expected{"POST", "/api/ds/query", `{"queries":[{"refId":"A","datasource":{"type":"loki","uid":"l"}}],` + at + `}`,
			400, `"status":501`},
		expected{"POST", "/api/ds/query", `{"queries":[]}`, 400, `the body has no queries`},
		expected{"POST", "/api/ds/query", `{"queries":7}`, 400, `the body cannot be read`},
		expected{"POST", "/api/ds/query", `{"queries":[{}],"from":"x"}`, 400, `is no time`},
	)
}

// What the page asks, and what it gets when it asks for nonsense.
func TestPageRoutes(t *testing.T) {
	const path = ownAPI + "/dashboards/pods"
	at := fmt.Sprintf(`"from":%d,"to":"%d"`, begin.UnixMilli(), begin.Add(time.Minute).UnixMilli())
	start(t).check(
		expected{"POST", path + "/variables", `{` + at + `}`, 200, `"options":[{"text":"All","value":"$__all"},` +
			`{"text":"batch","value":"batch"},{"text":"shop","value":"shop"}]`},
		expected{"POST", path + "/variables", `{"variables":{"namespace":"shop"},` + at + `}`, 200,
			`"current":{"text":["shop"],"value":["shop"]}`},
		expected{"POST", path + "/panels", `{"variables":{"namespace":["$__all"]},` + at + `}`, 200,
			`"timeRange":{"from":1767322800000,"to":1767322860000}`},
		expected{"POST", path + "/panels", `{"variables":{"namespace":["$__all"]},` + at + `}`, 200, `"title":"Up in shop"`},
		expected{"POST", path + "/panels/1/query", `{"variables":{"namespace":["shop"]},"maxDataPoints":10,` + at + `}`, 200,
			`"queries":[{"refId":"A","expr":"sum(pod_up{namespace=~\"shop\"})","step":"15s","type":"range"`},
		expected{"POST", path + "/panels/1/query",
			`{"scopedVars":{"namespace":{"text":"batch","value":"batch"}},"maxDataPoints":4000.5,` + at + `}`, 200,
			`namespace=~\"batch\"`},
		expected{"POST", path + "/panels/1/query", `{"variables":{"namespace":["none"]},` + at + `}`, 200,
			`"empty":[{"refId":"A","kind":"no-series","reason":"pod_up has series, but none with namespace=~\"none\"; there ` +
				`is batch and`},
		expected{"POST", path + "/panels/1/query", ``, 200, `no metric is named pod_up in this time range`},
		expected{"POST", path + "/annotations", `{` + at + `}`, 200, `{"layers":[{"name":"Up","enabled":true,` +
			`"color":"blue","filter":{"exclude":false,"ids":[1]},"annotations":[{"time":1767322800000,` +
			`"timeEnd":1767322860000,"text":"shop","tags":["shop"]}],"query":{"refId":"Up",` +
			`"expr":"pod_up{namespace=\"shop\"}","step":"15s"`},
		expected{"POST", path + "/annotations", `{"enabled":{"Up":false},` + at + `}`, 200,
			`"enabled":false,"color":"blue","filter":{"exclude":false,"ids":[1]},"annotations":[]}],` +
				`"timeRange":{"from":1767322800000,"to":1767322860000}}`},
		expected{"POST", path + "/annotations", `{"enabled":7}`, 400, `the body cannot be read`},
		expected{"POST", ownAPI + "/dashboards/none/annotations", `{}`, 404, `there is no dashboard`},
		expected{"POST", path + "/panels/2/query", `{}`, 404, `dashboard \"pods\" has no panel 2`},
		expected{"POST", path + "/panels/x/query", `{}`, 400, `\"x\" is no panel id`},
		expected{"POST", ownAPI + "/dashboards/none/panels", `{}`, 404, `there is no dashboard`},
		expected{"POST", ownAPI + "/dashboards/..%2f..%2fpods/panels", `{}`, 404, `there is no dashboard`},
		expected{"POST", path + "/panels", `{`, 400, `the body cannot be read`},
		expected{"POST", path + "/panels", `{"variables":{"namespace":7}}`, 400, `the body cannot be read`},
		expected{"POST", path + "/panels", `{"from":"soon"}`, 400, `from: \"soon\" is no time`},
		expected{"POST", path + "/panels", `{"from":"now","to":"now-1h"}`, 400, `ends before it begins`},
		expected{"POST", path + "/panels", `{"timezone":"Middle/Earth"}`, 400, `unknown time zone`},
		expected{"POST", path + "/panels", `{"intervalMs":-1}`, 400, `intervalMs is -1`},
		expected{"POST", path + "/panels", `{"x":"` + strings.Repeat("x", document.MaxBytes) + `"}`, 413,
			`the body is larger than 20 MB`},
		expected{"GET", ownAPI + "/status", "", 200, `{}`},
		expected{"GET", ownAPI + "/cluster", "", 404, `there is no cluster to ask`},
		expected{"GET", ownAPI + "/events?limit=5", "", 200, `"events":[]`},
		expected{"GET", ownAPI + "/events?limit=x", "", 400, `limit must be a number`},
	)
}

func TestStatus(t *testing.T) {
	r := start(t, func(o *Options) {
		o.Status = func(context.Context) (any, error) { return map[string]string{"phase": "Ready"}, nil }
	})
	r.check(expected{"GET", ownAPI + "/status", "", 200, `{"phase":"Ready"}`})
	r = start(t, func(o *Options) {
		o.Status = func(context.Context) (any, error) { return nil, fs.ErrNotExist }
	})
	r.check(expected{"GET", ownAPI + "/status", "", 502, `file does not exist`})
}

// Prometheus can be read through the proxy, and nothing else.
func TestProxy(t *testing.T) {
	const by = "/api/datasources/proxy/uid/prometheus/api/v1/"
	r := start(t)
	r.check(
		expected{"GET", by + "query?query=sum(pod_up)&time=1767322860", "", 200, `[1767322860,"3"]`},
		expected{"GET", "/api/datasources/proxy/1/api/v1/query?query=vector(4)", "", 200, `"4"]`},
		expected{"GET", by + "label/namespace/values?start=1767322800&end=1767322860", "", 200, `["batch","shop"]`},
		expected{"GET", by + "labels", "", 200, `"success"`},
		expected{"GET", by + "status/buildinfo", "", 200, `"version"`},
		expected{"GET", "/api/datasources/proxy/uid/loki/api/v1/query", "", 404, `there is no data source`},
		expected{"PUT", by + "query", "", 403, `is not let through`},
		expected{"DELETE", by + "series", "", 403, `is not let through`},
		expected{"POST", by + "admin/tsdb/delete_series", "", 403, `is not let through`},
		expected{"POST", by + "write", "", 403, `is not let through`},
		expected{"POST", by + "otlp/v1/metrics", "", 403, `is not let through`},
		expected{"GET", by + "queryx", "", 403, `is not let through`},
		expected{"GET", "/api/datasources/proxy/uid/prometheus/-/ready", "", 403, `is not let through`},
		expected{"GET", by + "status/..%2f..%2fv1%2fwrite", "", 403, `is not let through`},
	)
	response, text := r.ask("POST", by+"query", "query=vector(5)", "Content-Type", "application/x-www-form-urlencoded",
		"Origin", r.url, "Sec-Fetch-Site", "same-origin")
	if response.StatusCode != 200 || !strings.Contains(text, `"5"]`) {
		t.Errorf("POST: %d %s", response.StatusCode, text)
	}
}

// A request under a foreign name, or a write from another site, is refused;
// every answer forbids what a page of ours does not need.
func TestGuard(t *testing.T) {
	r := start(t)
	for _, c := range []struct {
		method, path string
		headers      []string
		status       int
	}{
		{"GET", "/api/health", []string{"Host", "evil.example"}, 403},
		{"GET", "/", []string{"Host", "evil.example"}, 403},
		{"GET", "/api/health", []string{"Host", "localhost:3000"}, 200},
		{"POST", "/api/dashboards/db", []string{"Origin", "http://evil.example"}, 403},
		{"POST", "/api/ds/query", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", ownAPI + "/dashboards/pods/panels", []string{"Origin", "null"}, 403},
		{"POST", ownAPI + "/dashboards/pods/panels", []string{"Origin", r.url}, 200},
		{"GET", "/api/search", []string{"Origin", "http://evil.example"}, 200}, // a browser does not hand out the answer
	} {
		response, text := r.ask(c.method, c.path, "{}", c.headers...)
		if response.StatusCode != c.status {
			t.Errorf("%s %s %q: %d %s, want %d", c.method, c.path, c.headers, response.StatusCode, text, c.status)
		}
		if response.Header.Get("Access-Control-Allow-Origin") != "" ||
			response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: headers %v", c.method, c.path, response.Header)
		}
		if policy := response.Header.Get("Content-Security-Policy"); response.StatusCode != 403 &&
			(!strings.Contains(policy, "script-src 'self';") || !strings.Contains(policy, "object-src 'none'")) {
			t.Errorf("%s %s: policy %q", c.method, c.path, policy)
		}
	}
}

func TestSave(t *testing.T) {
	const db = "/api/dashboards/db"
	r := start(t)
	r.check(
		expected{"POST", db, `{"dashboard":{"uid":"new","title":"New one"}}`, 200,
			`{"id":0,"slug":"new-one","status":"success","uid":"new","url":"/d/new/new-one","version":1}`},
		expected{"POST", db, `{"dashboard":{"uid":"new","title":"Newer","version":0}}`, 412, `version 1 is served`},
		expected{"POST", db, `{"dashboard":{"uid":"new","title":"Newer","version":0},"overwrite":true}`, 200, `"version":2`},
		expected{"GET", "/api/dashboards/uid/new", "", 200, `"title":"Newer"`},
		expected{"POST", db, `{"dashboard":{"uid":"in","title":"In"},"folderUid":"team"}`, 200, `"uid":"in"`},
		expected{"POST", db, `{"dashboard":{"uid":"../x","title":"X"}}`, 400, `use 1 to 100 letters`},
		expected{"POST", db, `{"dashboard":{"uid":"x","title":"X"},"folderUid":"../.."}`, 400, `is no name of a folder`},
		expected{"POST", db, `{"dashboard":{"uid":"x"}}`, 400, `title`},
		expected{"POST", db, `{}`, 400, `the body has no dashboard`},
		expected{"POST", db, `{"dashboard":[]}`, 400, `the body cannot be read`},
	)
	for _, name := range []string{"new.json", "team/in.json"} {
		if _, err := os.Stat(filepath.Join(r.folder, name)); err != nil {
			t.Error(err)
		}
	}
	r = start(t, func(o *Options) { o.Library.Dir = "" })
	r.check(expected{"POST", db, `{"dashboard":{"uid":"new","title":"New"}}`, 403, `there is no dashboards folder`})
}

func TestStatic(t *testing.T) {
	page := fstest.MapFS{
		"index.html": {Data: []byte("<html>page")}, "assets/a.js": {Data: []byte("script")},
		"icon.svg": {Data: []byte("<svg/>")},
	}
	r := start(t, func(o *Options) { o.Page = page })
	for _, c := range []struct{ path, text, kind, cache string }{
		{"/", "<html>page", "text/html; charset=utf-8", "no-cache"},
		{"/index.html", "<html>page", "text/html; charset=utf-8", "no-cache"},
		{"/d/pods/the-pods?var-x=1", "<html>page", "text/html; charset=utf-8", "no-cache"},
		{"/assets/a.js", "script", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"/icon.svg", "<svg/>", "image/svg+xml", ""},
		{"/assets", "<html>page", "text/html; charset=utf-8", "no-cache"},
		{"/..%2f..%2fetc%2fpasswd", "<html>page", "text/html; charset=utf-8", "no-cache"},
	} {
		response, text := r.ask("GET", c.path, "")
		if text != c.text || response.Header.Get("Content-Type") != c.kind ||
			response.Header.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %q, %v", c.path, text, response.Header)
		}
	}
	r.check(expected{"POST", "/", "", 405, `/ is not for POST, but for GET`},
		expected{"GET", "/assets/b.js", "", 404, `there is no /assets/b.js here`},
		expected{"GET", "/api/x", "", 404, `there is no GET`})
	start(t).check(expected{"GET", "/d/pods", "", 200, "The page is not built in"},
		expected{"GET", "/api/x", "", 404, `there is no GET`})
}

func TestCannotRun(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, o := range map[string]Options{
		"listening for the dashboards":  {Prometheus: "http://127.0.0.1:1", Listen: taken.Addr().String()},
		"dashboards need the URL":       {},
		"is none: use http://HOST:PORT": {Prometheus: "prometheus"},
		"reading the kubeconfig":        {Prometheus: "http://127.0.0.1:1", Kubeconfig: "/nowhere/kubeconfig"},
	} {
		if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Without Prometheus the server is there, and says what is wrong.
func TestPrometheusIsGone(t *testing.T) {
	r := start(t, func(o *Options) { o.Prometheus = "http://127.0.0.1:1" })
	r.check(
		expected{"GET", "/api/health", "", 200, "ok"},
		expected{"GET", "/api/datasources/proxy/uid/prometheus/api/v1/labels", "", 502, "asking Prometheus"},
		expected{"POST", ownAPI + "/dashboards/pods/panels/1/query", `{"variables":{"namespace":["x"]}}`, 200,
			`"status":502`},
		expected{"GET", ownAPI + "/events", "", 502, "asking Prometheus"},
		expected{"GET", "/api/annotations", "", 502, "asking Prometheus"},
	)
}

func TestReadTexts(t *testing.T) {
	var body request
	decoder := json.NewDecoder(
		bytes.NewReader([]byte(`{"variables":{"a":"x","b":["y","z"]},"from":1767322800000,"to":"now"}`)))
	if err := decoder.Decode(&body); err != nil {
		t.Fatal(err)
	}
	if body.Variables["a"][0] != "x" || len(body.Variables["b"]) != 2 || body.From != "1767322800000" ||
		body.To != "now" {
		t.Errorf("%+v", body)
	}
}
