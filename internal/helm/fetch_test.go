package helm

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answering answers every request with a text.
func answering(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// repository serves an index, with DIGEST and URL replaced, and a chart.
func repository(t *testing.T, index, chart string) *httptest.Server {
	t.Helper()
	sum := sha256.Sum256([]byte(chart))
	server := httptest.NewServer(nil)
	t.Cleanup(server.Close)
	text := strings.NewReplacer("DIGEST", hex.EncodeToString(sum[:]), "URL", server.URL).Replace(index)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /charts/index.yaml", answering(text))
	mux.HandleFunc("GET /charts/x-1.2.3.tgz", answering(chart))
	server.Config.Handler = mux
	return server
}

const index = `apiVersion: v1
entries:
  x:
    - {version: 1.2.3, urls: [x-1.2.3.tgz], digest: DIGEST}
    - {version: 1.10.0, urls: [x-1.2.3.tgz], digest: 00}
    - {version: 0.9.0, urls: ["URL/gone.tgz"], digest: DIGEST}
    - {version: 0.8.0, urls: ["oci://somewhere/x"], digest: DIGEST}
    - {version: 0.7.0, digest: DIGEST}
    - {version: 0.6.0, urls: [x-1.2.3.tgz]}
`

func TestFetch(t *testing.T) {
	server, dir := repository(t, index, "the chart"), filepath.Join(t.TempDir(), "charts")
	source := Source{Repository: server.URL + "/charts/", Name: "x", Version: "1.2.3"}
	path, err := Fetch(t.Context(), source, dir)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "the chart" {
		t.Errorf("the chart is %q, %v", text, err)
	}
	if source.Digest, err = digestOf(path); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if again, err := Fetch(t.Context(), source, dir); err != nil || again != path {
		t.Errorf("without the repository it is %s, %v", again, err)
	}
	// What was changed since is not taken.
	if err := os.WriteFile(path, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Fetch(t.Context(), source, dir); err == nil {
		t.Error("a chart with another digest is taken")
	}
}

func TestFetchRefuses(t *testing.T) {
	server, website := repository(t, index, "the chart"), repository(t, "<html></html>", "")
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // the client refuses its certificate: that is meant
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	for _, c := range []struct {
		source Source
		want   string
	}{
		{Source{Name: "y", Version: "1.2.3"}, "has no chart y; nearest is x"},
		{Source{Name: "x", Version: "1.2.4"}, "has no version 1.2.4; newest are 1.10.0, 1.2.3, 0.9.0, 0.8.0, 0.7.0"},
		{Source{Name: "x", Version: "1.10.0"}, "nothing of it is kept"},
		{Source{Name: "x", Version: "1.2.3", Digest: strings.Repeat("a", 64)}, "as chart.digest says"},
		{Source{Name: "x", Version: "0.9.0"}, "404 Not Found"},
		{Source{Name: "x", Version: "0.8.0"}, "`helm pull`"},
		{Source{Name: "x", Version: "0.7.0"}, "does not say where"},
		{Source{Name: "x", Version: "0.6.0"}, "set chart.digest"},
		{
			Source{Repository: "oci://somewhere/charts", Name: "x", Version: "1.2.3"},
			"oci://somewhere/charts/index.yaml is no http(s) address: fetch the chart with `helm pull`",
		},
		{Source{Repository: untrusted.URL, Name: "x", Version: "1.2.3"}, "certificate"},
		{Source{Repository: "http://127.0.0.1:1", Name: "x", Version: "1.2.3"}, "give the chart itself as chart.path"},
		{Source{Repository: website.URL + "/charts", Name: "x", Version: "1.2.3"}, "is no Helm repository"},
	} {
		if c.source.Repository == "" {
			c.source.Repository = server.URL + "/charts"
		}
		dir := t.TempDir()
		if _, err := Fetch(t.Context(), c.source, dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v gives %v, want %q", c.source, err, c.want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%+v leaves %v, %v", c.source, left, err)
		}
	}
}

func TestResolve(t *testing.T) {
	if _, err := resolve("https://a.example/charts", "http://b.example/x.tgz"); err == nil {
		t.Error("a chart comes unencrypted from an encrypted repository")
	}
	if got, err := resolve("https://a.example/charts", "../x.tgz"); err != nil || got != "https://a.example/x.tgz" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestGetIsBounded(t *testing.T) {
	server := httptest.NewServer(answering("1234"))
	defer server.Close()
	drop := func(body io.Reader) error { _, err := io.Copy(io.Discard, body); return err }
	if err := get(t.Context(), server.URL, 4, drop); err != nil {
		t.Errorf("what fits is refused: %v", err)
	}
	if err := get(t.Context(), server.URL, 3, drop); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("what is too large gives %v", err)
	}
}

// A redirect from an encrypted address is followed, but not to one that is not
// encrypted.
func TestRedirects(t *testing.T) {
	plain := httptest.NewServer(answering("plain"))
	defer plain.Close()
	encrypted := httptest.NewTLSServer(nil)
	defer encrypted.Close()
	encrypted.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/plain":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	})
	trusting := encrypted.Client()
	trusting.CheckRedirect = client.CheckRedirect
	for path, want := range map[string]string{"/moved": "", "/plain": "which is not encrypted", "/round": "on and on"} {
		response, err := trusting.Get(encrypted.URL + path)
		if err == nil {
			_ = response.Body.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", path, err, want)
		}
	}
}
