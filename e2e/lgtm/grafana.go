package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/diorama-lab/diorama/internal/state"
)

// provisioned is the folder that Grafana is configured by, below its own.
const provisioned = "conf/provisioning"

// grafana is what is in Grafana's database, which outlives it.
type grafana struct {
	mu         sync.Mutex
	file       string
	log        *slog.Logger
	Folders    map[string]folder    `json:"folders"`
	Dashboards map[string]dashboard `json:"dashboards"`
	// changed tells that the file is older than all this.
	changed bool
	// sources are read anew at each start.
	sources []source
}

type folder struct {
	UID   string `json:"uid"`
	Title string `json:"title"`
}

type dashboard struct {
	JSON      map[string]any `json:"json"`
	FolderUID string         `json:"folderUid"`
	// Path and Sum are those of the file it comes from; none of one that was saved.
	Path string `json:"path"`
	Sum  string `json:"sum"`
}

func (d dashboard) title() string { return text(d.JSON["title"]) }

func text(v any) string {
	s, _ := v.(string)
	return s
}

// runGrafana serves the API at once, and reads the provisioned dashboards again
// and again. What is wrong with the data sources keeps it from starting; what
// is wrong with dashboards is logged.
func runGrafana(ctx context.Context) error {
	g := &grafana{
		file: filepath.Join("/data/grafana/data", "grafana.json"), log: slog.New(slog.NewTextHandler(os.Stdout, nil)),
		Folders: map[string]folder{}, Dashboards: map[string]dashboard{},
	}
	if err := g.load(); err != nil {
		return err
	}
	var err error
	if g.sources, err = readSources(filepath.Join(provisioned, "datasources")); err != nil {
		return fmt.Errorf("provisioning the data sources: %w", err)
	}
	readers, err := readProviders(filepath.Join(provisioned, "dashboards"))
	if err != nil {
		return fmt.Errorf("provisioning the dashboards: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, r := range readers {
		g.read(r)
		go g.follow(ctx, r)
	}
	go g.validate(ctx, readers)
	return serve(ctx, ":3000", g.handler())
}

func (g *grafana) load() error {
	data, err := os.ReadFile(g.file)
	if errors.Is(err, os.ErrNotExist) {
		return state.CreatePublic(filepath.Dir(g.file))
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(data, g)
}

// store writes the database if it has changed; the lock is held.
func (g *grafana) store() {
	if !g.changed {
		return
	}
	g.changed = false
	data, err := json.Marshal(g)
	if err == nil {
		err = state.WritePublicFile(g.file, data)
	}
	if err != nil {
		g.log.Error("the database could not be written", "err", err)
	}
}

func (g *grafana) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]any{"database": "ok", "version": "12.4.0-stand-in", "commit": "none"})
	})
	mux.HandleFunc("GET /api/search", g.search)
	mux.HandleFunc("GET /api/dashboards/uid/{uid}", g.dashboard)
	mux.HandleFunc("POST /api/dashboards/db", g.save)
	mux.HandleFunc("GET /api/folders", func(w http.ResponseWriter, _ *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		respond(w, http.StatusOK, slices.Collect(maps.Values(g.Folders)))
	})
	mux.HandleFunc("POST /api/folders", g.createFolder)
	mux.HandleFunc("DELETE /api/folders/{uid}", g.deleteFolder)
	mux.HandleFunc("GET /api/library-elements", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]any{"result": map[string]any{"totalCount": 0, "elements": []any{}}})
	})
	mux.HandleFunc("GET /api/annotations", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, []any{}) })
	mux.HandleFunc("GET /api/datasources", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, g.sources) })
	mux.HandleFunc("GET /api/datasources/uid/{uid}", g.source)
	mux.HandleFunc("/api/datasources/proxy/uid/{uid}/{path...}", g.proxied)
	mux.HandleFunc("POST /api/ds/query", g.query)
	return mux
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	respond(w, status, map[string]string{"message": message})
}

func (g *grafana) search(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	words, kind, in := strings.ToLower(q.Get("query")), q.Get("type"), q["folderUIDs"]
	g.mu.Lock()
	defer g.mu.Unlock()
	found := []map[string]any{}
	for _, f := range g.Folders {
		if kind != "dash-db" && len(in) == 0 && strings.Contains(strings.ToLower(f.Title), words) {
			found = append(found, map[string]any{"uid": f.UID, "title": f.Title, "type": "dash-folder", "tags": []string{}})
		}
	}
	for uid, d := range g.Dashboards {
		if kind != "dash-folder" && (len(in) == 0 || slices.Contains(in, d.FolderUID)) && strings.Contains(strings.ToLower(d.title()), words) {
			hit := map[string]any{"uid": uid, "title": d.title(), "type": "dash-db", "tags": []string{}}
			if d.FolderUID != "" {
				hit["folderUid"], hit["folderTitle"] = d.FolderUID, g.Folders[d.FolderUID].Title
			}
			found = append(found, hit)
		}
	}
	respond(w, http.StatusOK, found)
}

func (g *grafana) dashboard(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d, known := g.Dashboards[r.PathValue("uid")]
	if !known {
		refuse(w, http.StatusNotFound, "Dashboard not found")
		return
	}
	respond(w, http.StatusOK, map[string]any{"dashboard": d.JSON, "meta": map[string]any{
		"provisioned": d.Path != "", "folderUid": d.FolderUID, "folderTitle": g.Folders[d.FolderUID].Title,
	}})
}

// save is somebody's dashboard, of no file.
func (g *grafana) save(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Dashboard map[string]any
		FolderUID string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "bad request data")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	uid, err := acceptable(body.Dashboard)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	g.Dashboards[uid] = dashboard{JSON: body.Dashboard, FolderUID: body.FolderUID}
	g.changed = true
	g.store()
	respond(w, http.StatusOK, map[string]any{"uid": uid, "status": "success", "folderUid": body.FolderUID})
}

func (g *grafana) createFolder(w http.ResponseWriter, r *http.Request) {
	var body folder
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "bad request data")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	made, err := g.newFolder(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	g.store()
	respond(w, http.StatusOK, made)
}

// newFolder makes a folder; the lock is held.
func (g *grafana) newFolder(f folder) (folder, error) {
	if f.Title == "" || strings.EqualFold(f.Title, "general") {
		return f, errors.New("a folder with that name already exists")
	}
	if f.UID == "" {
		f.UID = strings.ToLower(rand.Text()[:14])
	}
	g.Folders[f.UID] = f
	g.changed = true
	return f, nil
}

// deleteFolder takes all that is in it along, as Grafana does.
func (g *grafana) deleteFolder(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f, known := g.Folders[r.PathValue("uid")]
	if !known {
		refuse(w, http.StatusNotFound, "folder not found")
		return
	}
	delete(g.Folders, f.UID)
	maps.DeleteFunc(g.Dashboards, func(_ string, d dashboard) bool { return d.FolderUID == f.UID })
	g.changed = true
	g.store()
	respond(w, http.StatusOK, map[string]any{"title": f.Title, "message": "Folder " + f.Title + " deleted"})
}

func (g *grafana) sourceOf(uid string) (source, bool) {
	i := slices.IndexFunc(g.sources, func(s source) bool { return s.UID == uid })
	if i < 0 {
		return source{}, false
	}
	return g.sources[i], true
}

func (g *grafana) source(w http.ResponseWriter, r *http.Request) {
	s, known := g.sourceOf(r.PathValue("uid"))
	if !known {
		refuse(w, http.StatusNotFound, "Data source not found")
		return
	}
	respond(w, http.StatusOK, s)
}

// posted are the paths of Prometheus that may be asked with POST.
var posted = []string{"api/v1/query", "api/v1/query_range", "api/v1/series", "api/v1/labels", "api/v1/query_exemplars"}

func (g *grafana) proxied(w http.ResponseWriter, r *http.Request) {
	s, known := g.sourceOf(r.PathValue("uid"))
	if !known {
		refuse(w, http.StatusNotFound, "Data source not found")
		return
	}
	target, err := url.Parse(s.URL)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the data source's URL is none")
		return
	}
	path := r.PathValue("path")
	if r.Method != http.MethodGet && (r.Method != http.MethodPost || !slices.Contains(posted, path)) {
		refuse(w, http.StatusForbidden, "non allow-listed "+r.Method+"s not allowed on proxied Prometheus datasource")
		return
	}
	(&httputil.ReverseProxy{ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelError), Rewrite: func(p *httputil.ProxyRequest) {
		p.Out.URL.Path, p.Out.URL.RawPath = "/"+path, ""
		p.SetURL(target)
	}}).ServeHTTP(w, r)
}
