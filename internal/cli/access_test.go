package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What lets in at one server is not shown to another that it redirects to, on the
// same host neither; on the server itself it stays.
func TestSecretsStayWithTheirServer(t *testing.T) {
	seen := map[string][]string{}
	note := func(who string, r *http.Request) {
		seen[who] = append(seen[who], r.Header.Get("Authorization")+" "+r.Header.Get("X-Scope-Orgid"))
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note("other", r)
		_, _ = io.WriteString(w, `{"status": "success", "data": {"resultType": "vector", "result": []}}`)
	}))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note("server", r)
		if r.URL.Path == "/api/v1/query" {
			http.Redirect(w, r, "/moved", http.StatusTemporaryRedirect)
			return
		}
		http.Redirect(w, r, other.URL+"/api/v1/query", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	access := accessFlags{tokenFile: token, headers: []string{"X-Scope-OrgID: team"}, timeout: time.Minute}
	client, err := access.client(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Query(t.Context(), "up", time.Now()); err != nil {
		t.Fatal(err)
	}
	const all = "Bearer hush team"
	if got := seen["server"]; len(got) != 2 || got[0] != all || got[1] != all {
		t.Errorf("the server saw %q", got)
	}
	if got := seen["other"]; len(got) != 1 || got[0] != " " {
		t.Errorf("another one saw %q", got)
	}
}
