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
		if strings.HasPrefix(r.URL.Path, "/api/") || r.Method != http.MethodGet && r.Method != http.MethodHead {
			respondError(w, failure(http.StatusNotFound, "there is no %s %s here", r.Method, r.URL.Path))
			return
		}
		if info, err := fs.Stat(page, name); err == nil && !info.IsDir() && name != "index.html" {
			if strings.HasPrefix(name, "assets/") { // their names change with their content
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			files.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(index)
	})
}

func withoutPage(contentType, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			respondError(w, failure(http.StatusNotFound, "there is no %s %s here", r.Method, r.URL.Path))
			return
		}
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, text)
	})
}
