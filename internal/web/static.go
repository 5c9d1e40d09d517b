package web

import (
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>diorama</title>
<h1>The page is not built in</h1>
<p>This diorama was built without its page. <code>make build</code> builds both;
it needs Node and says how to get it.</p>
<p>The API works without it: <a href="/api/search">/api/search</a>, <a href="/api/health">/api/health</a>.</p>
</html>`

// static serves the page: files as they are, and index.html for every path
// that the page itself gives a meaning to.
func static(page fs.FS) http.Handler {
	if page == nil {
		return withoutPage("text/html; charset=utf-8", notBuilt)
	}
	index, err := fs.ReadFile(page, "index.html")
	if err != nil {
		return withoutPage("text/html; charset=utf-8", notBuilt)
	}
	files := http.FileServerFS(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if info, err := fs.Stat(page, name); err == nil && !info.IsDir() && name != "index.html" {
			if strings.HasPrefix(name, "assets/") { // their names change with their content
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			files.ServeHTTP(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/assets/") { // a page would be no script
			respondError(w, failure(http.StatusNotFound, "there is no %s here", r.URL.Path))
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(index)
	})
}

func withoutPage(contentType, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, text)
	})
}

// otherwise answers what no other pattern of mux does: pages with next, and what
// is of the API, or written, with why not.
func otherwise(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if reads && !strings.HasPrefix(r.URL.Path, "/api/") {
			next.ServeHTTP(w, r)
			return
		}
		if methods := answered(mux, r, !strings.HasPrefix(r.URL.Path, "/api/")); len(methods) > 0 {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			respondError(w, failure(http.StatusMethodNotAllowed, "%s is not for %s, but for %s", r.URL.Path, r.Method,
				strings.Join(methods, " and ")))
			return
		}
		respondError(w, failure(http.StatusNotFound, "there is no %s %s here", r.Method, r.URL.Path))
	})
}

// answered are the methods that a path is there for. Pages are there to be read.
func answered(mux *http.ServeMux, r *http.Request, page bool) []string {
	if page {
		return []string{http.MethodGet}
	}
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "/" {
			methods = append(methods, method)
		}
	}
	return methods
}
