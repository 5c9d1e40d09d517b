package backend

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// browser leads whoever opens the Prometheus API in a browser, as they would
// Prometheus itself, to the page where that is: dashboards is its URL, "" where
// nobody has said it.
type browser struct{ dashboards string }

// routeBrowser adds the pages of Prometheus. None of them is of its API.
func routeBrowser(mux *http.ServeMux, dashboards string) {
	b := browser{strings.TrimSuffix(dashboards, "/")}
	leads := func(to func(url.Values) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { b.lead(w, r, to(r.URL.Query())) }
	}
	fixed := func(path string) http.HandlerFunc { return leads(func(url.Values) string { return path }) }
	mux.HandleFunc("GET /{$}", leads(explored))
	for _, path := range []string{"/graph", "/query", "/classic/graph", "/new/graph"} {
		mux.HandleFunc("GET "+path, leads(explored))
	}
	mux.HandleFunc("GET /alerts", fixed("/explore?"+url.Values{"expr": {"ALERTS"}}.Encode()))
	mux.HandleFunc("GET /status", fixed("/status"))
	// Browsers ask for it, and complain of a 404.
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	for path, api := range map[string]string{
		"/rules": "rules", "/targets": "targets", "/service-discovery": "targets", "/config": "status/config",
		"/flags": "status/flags", "/tsdb-status": "status/tsdb", "/runtimeinfo": "status/runtimeinfo",
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { b.say(w, path, "/api/v1/"+api) })
	}
}

func (b browser) lead(w http.ResponseWriter, r *http.Request, to string) {
	if b.dashboards == "" {
		b.say(w, r.URL.Path, "/api/v1/query")
		return
	}
	http.Redirect(w, r, b.dashboards+to, http.StatusFound)
}

// explored is the address of Explore for what Prometheus' own page is asked:
// g0.expr, g1.expr and so on, over the range of the first. Without any it is the
// list of dashboards.
func explored(asked url.Values) string {
	explore := url.Values{}
	for i := 0; ; i++ {
		prefix := "g" + strconv.Itoa(i) + "."
		if !asked.Has(prefix + "expr") {
			break
		}
		explore.Add("expr", asked.Get(prefix+"expr"))
	}
	if len(explore) == 0 {
		return "/"
	}
	length, err := model.ParseDuration(asked.Get("g0.range_input"))
	if err != nil {
		length = model.Duration(time.Hour)
	}
	explore.Set("from", "now-"+length.String())
	explore.Set("to", "now")
	if end, err := time.Parse("2006-01-02 15:04:05", asked.Get("g0.end_input")); err == nil {
		explore.Set("from", millis(end.Add(-time.Duration(length))))
		explore.Set("to", millis(end))
	}
	return "/explore?" + explore.Encode()
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

var elsewhere = template.Must(template.New("elsewhere").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>diorama: {{.Path}}</title>
<h1>The API of Prometheus, without its pages</h1>
{{if .Targets}}<p>Nothing is scraped here: samples are pushed by OTLP.</p>
{{end}}<p>What <code>{{.Path}}</code> shows in Prometheus is at <a href="{{.API}}">{{.API}}</a>.</p>
{{if .Dashboards}}<p>Dashboards, Explore and the environment's status are at
<a href="{{.Dashboards}}">{{.Dashboards}}</a>.</p>
{{else}}<p><code>diorama dashboards --prometheus URL</code> serves a page for it.</p>
{{end}}</html>
`))

// say answers a page that says where to find something.
func (b browser) say(w http.ResponseWriter, path, api string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The client being gone is the only error: the template has been parsed.
	_ = elsewhere.Execute(w, map[string]any{
		"Path": path, "API": api, "Dashboards": b.dashboards, "Targets": api == "/api/v1/targets",
	})
}
