package web

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// routeGrafana adds the part of Grafana's API that its tools use.
func (s *server) routeGrafana(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/health", answers(func(*http.Request) (any, error) {
		return map[string]string{"database": "ok", "version": s.o.Version, "commit": "diorama"}, nil
	}))
	mux.HandleFunc("GET /api/search", answers(s.search))
	mux.HandleFunc("GET /api/dashboards/uid/{uid}", answers(s.dashboard))
	mux.HandleFunc("POST /api/dashboards/db", answers(s.save))
	mux.HandleFunc("GET /api/folders", answers(s.folders))
	mux.HandleFunc("GET /api/folders/{uid}", answers(s.folder))
	mux.HandleFunc("GET /api/annotations", answers(s.annotations))
	mux.HandleFunc("POST /api/ds/query", s.dsQuery)
	mux.HandleFunc("GET /api/datasources",
		answers(func(*http.Request) (any, error) { return []any{s.datasource()}, nil }))
	mux.HandleFunc("GET /api/datasources/uid/{uid}", answers(s.datasourceByUID))
	mux.HandleFunc("GET /api/datasources/name/{uid}", answers(s.datasourceByUID))
	mux.HandleFunc("/api/datasources/proxy/uid/{uid}/{path...}", s.proxied)
	mux.HandleFunc("/api/datasources/proxy/{uid}/{path...}", s.proxied)
}

func dashboardURL(d *document.Dashboard) string { return "/d/" + d.UID() + "/" + slug(d.Title()) }

// slug is the readable end of a dashboard's URL.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	return strings.Join(words, "-")
}

// found is one dashboard in the answer of a search.
type found struct {
	ID          int      `json:"id"`
	UID         string   `json:"uid"`
	Title       string   `json:"title"`
	URI         string   `json:"uri"`
	URL         string   `json:"url"`
	Slug        string   `json:"slug"`
	Type        string   `json:"type"`
	Tags        []string `json:"tags"`
	IsStarred   bool     `json:"isStarred"`
	Description string   `json:"description,omitempty"`
	FolderUID   string   `json:"folderUid,omitempty"`
	FolderTitle string   `json:"folderTitle,omitempty"`
}

func (s *server) search(r *http.Request) (any, error) {
	query := r.URL.Query()
	results := []found{}
	words := strings.Fields(strings.ToLower(query.Get("query")))
	limit, err := limitOf(query, 1000)
	if err != nil {
		return nil, err
	}
	if query.Get("type") == "dash-folder" {
		for i, name := range s.o.Library.Folders() {
			results = append(results, found{
				ID: i + 1, UID: name, Title: name, Type: "dash-folder", Tags: []string{},
				URL: "/dashboards/f/" + url.PathEscape(name),
			})
		}
		return results, nil
	}
	for i, d := range s.o.Library.List() {
		if len(results) < limit && matches(d, query, words) {
			tags := d.Tags()
			if tags == nil {
				tags = []string{}
			}
			results = append(results, found{
				ID: i + 1, UID: d.UID(), Title: d.Title(), URI: "db/" + slug(d.Title()), URL: dashboardURL(d),
				Slug: slug(d.Title()), Type: "dash-db",
				Tags: tags, Description: d.Description(), FolderUID: d.Folder, FolderTitle: d.Folder,
			})
		}
	}
	return results, nil
}

// limitOf reads how many results are asked for.
func limitOf(query url.Values, otherwise int) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, failure(http.StatusBadRequest, "limit must be a number from 1, not %q", text)
	}
	return n, nil
}

func matches(d *document.Dashboard, query url.Values, words []string) bool {
	title := strings.ToLower(d.Title())
	for _, word := range words {
		if !strings.Contains(title, word) {
			return false
		}
	}
	for _, tag := range query["tag"] {
		if !slices.Contains(d.Tags(), tag) {
			return false
		}
	}
	uids, folders := query["dashboardUIDs"], query["folderUIDs"]
	return (len(uids) == 0 || slices.Contains(uids, d.UID())) && (len(folders) == 0 || slices.Contains(folders, d.Folder))
}

func (s *server) dashboard(r *http.Request) (any, error) {
	d, err := s.find(r.PathValue("uid"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"dashboard": d.JSON, "meta": map[string]any{
		"type": "db", "slug": slug(d.Title()), "url": dashboardURL(d), "version": d.Version(),
		"folderUid": d.Folder, "folderTitle": d.Folder, "provisioned": true, "provisionedExternalId": d.File,
		"canSave": s.o.Library.Dir != "", "canEdit": s.o.Library.Dir != "", "isFolder": false,
	}}, nil
}

func (s *server) datasource() map[string]any {
	return map[string]any{
		"id": 1, "uid": document.DatasourceUID, "orgId": 1, "name": document.DatasourceName,
		"type": document.DatasourceType, "typeName": "Prometheus",
		"access": "proxy", "url": s.o.Prometheus, "isDefault": true, "readOnly": true, "basicAuth": false,
		"jsonData": map[string]any{"httpMethod": "POST", "timeInterval": s.o.ScrapeInterval.String()},
	}
}

func (s *server) datasourceByUID(r *http.Request) (any, error) {
	if err := known(r.PathValue("uid")); err != nil {
		return nil, err
	}
	return s.datasource(), nil
}

func known(uid string) error {
	if uid != document.DatasourceUID && uid != document.DatasourceName && uid != "1" {
		return failure(http.StatusNotFound, "there is no data source %q; the one there is has the uid %q", uid,
			document.DatasourceUID)
	}
	return nil
}

// newProxy hands requests on to Prometheus.
func newProxy(base string, transport http.RoundTripper) (http.Handler, error) {
	target, err := url.Parse(base)
	if err != nil || target.Host == "" {
		return nil, fmt.Errorf("the URL of Prometheus, %q, is none: use http://HOST:PORT", base)
	}
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Path = "/" + strings.TrimPrefix(r.In.PathValue("path"), "/")
			r.Out.URL.RawPath = ""
			r.SetURL(target)
			r.Out.Host = target.Host
			// What the browser says of itself was judged here, under this name.
			for _, name := range []string{"Origin", "Referer", "Cookie", "Sec-Fetch-Site"} {
				r.Out.Header.Del(name)
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			respondError(w, failure(http.StatusBadGateway, "asking Prometheus: %w", err))
		},
	}, nil
}

// readPaths are the parts of Prometheus' API that only read.
var readPaths = []string{
	"query", "query_range", "query_exemplars", "format_query", "parse_query",
	"series", "labels", "metadata", "rules", "alerts", "targets", "status/",
}

// proxied lets reading requests through to Prometheus.
func (s *server) proxied(w http.ResponseWriter, r *http.Request) {
	if err := known(r.PathValue("uid")); err != nil {
		respondError(w, err)
		return
	}
	rest, ok := strings.CutPrefix(r.PathValue("path"), "api/v1/")
	values := strings.HasPrefix(rest, "label/") && strings.HasSuffix(rest, "/values")
	reads := values || slices.ContainsFunc(readPaths, func(path string) bool {
		return rest == path || strings.HasSuffix(path, "/") && strings.HasPrefix(rest, path)
	})
	if !ok || !reads || strings.Contains(rest, "..") || r.Method != http.MethodGet && r.Method != http.MethodPost {
		respondError(w, failure(http.StatusForbidden,
			"%s %q is not let through to Prometheus; only what reads below api/v1/ is", r.Method, r.PathValue("path")))
		return
	}
	s.proxy.ServeHTTP(w, r)
}
