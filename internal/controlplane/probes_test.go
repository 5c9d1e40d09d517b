package controlplane

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProbeNamesTheChecksThatFail(t *testing.T) {
	for name, test := range map[string]struct{ page, want string }{
		"of many": {
			"[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n[-]etcd-readiness failed: " +
				"reason withheld\nreadyz check failed\n",
			"answers 500 Internal Server Error: etcd failed: reason withheld; etcd-readiness failed: reason withheld",
		},
		"of one": {"not yet\n", "answers 500 Internal Server Error: not yet"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(test.page))
			}))
			defer server.Close()
			if err := Probe(t.Context(), server.Client(), server.URL); err == nil ||
				!strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
