package cli

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file for a test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const oneBoard = `{"uid":"a","title":"A","panels":[{"id":1,"type":"stat","title":"Up","targets":[{"refId":"A",` +
	`"expr":"up"}]}]}`

// answers is a Prometheus that has one series of each metric.
func answers(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/query"):
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},`+
			`"value":[1760000000,"1"]}]}}`)
	case strings.HasSuffix(r.URL.Path, "/query_range"):
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},`+
			`"values":[[1760000000,"1"]]}]}}`)
	case strings.HasSuffix(r.URL.Path, "/metadata"):
		fmt.Fprint(w, `{"status":"success","data":{}}`)
	default:
		fmt.Fprint(w, `{"status":"success","data":["a"]}`)
	}
}

func runMain(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(args, &out, &err)
	return code, out.String(), err.String()
}

// What is asked carries the headers, and a certificate that is not known is
// refused.
func TestCheckAccess(t *testing.T) {
	var seen http.Header
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		answers(w, r)
	}))
	defer server.Close()
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	board := write(t, "a.json", oneBoard)
	token, password := write(t, "token", "secret\n"), write(t, "password", "word\n")
	for _, c := range []struct {
		args          []string
		code          int
		said          string
		authorization string
	}{
		{nil, 2, "certificate", ""},
		{[]string{"--ca-file", ca}, 0, "", ""},
		{[]string{"--ca-file", ca, "--bearer-token-file", token}, 0, "", "Bearer secret"},
		{[]string{"--ca-file", ca, "--user", "me", "--password-file", password}, 0, "", "Basic bWU6d29yZA=="},
		{[]string{"--ca-file", board}, 2, "holds no certificate in PEM form", ""},
		{[]string{"--bearer-token-file", board + "x"}, 2, "reading a secret", ""},
		{[]string{"--bearer-token-file", token, "--user", "me"}, 2, "use one of them", ""},
		{[]string{"--password-file", password}, 2, "needs --user", ""},
		{[]string{"--header", "nothing"}, 2, "'Name: value'", ""},
		{[]string{"--nonsense"}, 2, "has no flag --nonsense", ""},
		{[]string{"-o", "pdf"}, 2, "table, json, junit, github, markdown are known", ""},
	} {
		seen = nil
		args := append([]string{"check", board, "--prometheus", server.URL, "--header", "X-Scope-OrgID: team"}, c.args...)
		code, _, said := runMain(args...)
		if code != c.code || !strings.Contains(said, c.said) {
			t.Errorf("%v: exit code %d, %s", c.args, code, said)
		}
		if c.code == 0 && (seen.Get("X-Scope-OrgID") != "team" || seen.Get("Authorization") != c.authorization) {
			t.Errorf("%v: asked with %v", c.args, seen)
		}
		if strings.Contains(said, "secret\n") {
			t.Errorf("%v: the token is shown: %s", c.args, said)
		}
	}
}

// An earlier report is printed again, and compared with.
func TestCheckReports(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(answers))
	defer server.Close()
	board := write(t, "a.json", oneBoard)
	code, out, said := runMain("check", board, "--prometheus", server.URL, "-o", "json")
	if code != 0 || !strings.Contains(out, `"data": 1`) {
		t.Fatalf("%d %s %s", code, out, said)
	}
	file := write(t, "report.json", out)
	if code, out, said := runMain("check", "--from", file, "-o", "markdown"); code != 0 ||
		!strings.Contains(out, "✅ diorama check") {
		t.Errorf("%d %s %s", code, out, said)
	}
	if code, out, said := runMain("check", board, "--prometheus", server.URL, "--compare", file); code != 0 ||
		!strings.Contains(out, "nothing broke") {
		t.Errorf("%d %s %s", code, out, said)
	}
	if code, _, said := runMain("check", board, "--prometheus", server.URL, "--compare", board); code != 2 ||
		!strings.Contains(said, "is no report") {
		t.Errorf("%d %s", code, said)
	}
	empty := t.TempDir()
	if code, _, said := runMain("check", empty, "--prometheus", server.URL); code != 2 ||
		!strings.Contains(said, "no dashboard and no rule found in "+empty) {
		t.Errorf("%d %s", code, said)
	}
	if code, _, said := runMain("check", write(t, "bad.json", "{"), "--prometheus", server.URL); code != 2 ||
		!strings.Contains(said, "/bad.json:1:1") {
		t.Errorf("%d %s", code, said)
	}
}
