//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.yaml.in/yaml/v3"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// badRequest is a request that is wrong, and what is answered.
type badRequest struct {
	Name string `yaml:"name"`
	// To is backend, page or collector.
	To      string     `yaml:"to"`
	Request askRequest `yaml:"request"`
	Status  int        `yaml:"status"`
	// Body is the answer; a status in protobuf is written as its message.
	Body string `yaml:"body"`
}

type askRequest struct {
	Method  string            `yaml:"method"`
	Path    string            `yaml:"path"`
	Headers map[string]string `yaml:"headers,omitempty,flow"`
	Form    map[string]string `yaml:"form,omitempty,flow"`
	Body    string            `yaml:"body,omitempty"`
	// Times is how often the body is repeated. With Gzip it is compressed, with
	// Protobuf it is metrics written as JSON and sent as protobuf; the last bytes
	// that Cut counts are left out then.
	Times    int  `yaml:"times,omitempty"`
	Gzip     bool `yaml:"gzip,omitempty"`
	Protobuf bool `yaml:"protobuf,omitempty"`
	Cut      int  `yaml:"cut,omitempty"`
}

// Each wrong request is answered as its table says, each wrong file of a check is
// reported as its table says, and nothing of it harms the environment.
func TestBadRequests(t *testing.T) {
	l := newLab(t)
	dashboards := filepath.Join(l.home, "dashboards")
	if err := os.MkdirAll(dashboards, 0o755); err != nil {
		t.Fatal(err)
	}
	board := `{"uid": "board", "title": "Board", "panels": [{"id": 1, "type": "stat", "targets": [{"expr": "up"}]}]}`
	if err := os.WriteFile(filepath.Join(dashboards, "board.json"), []byte(board), 0o644); err != nil {
		t.Fatal(err)
	}
	l.diorama("up", "--ports", "auto", "--nodes", "1", "--pods", "2", "--dashboards", dashboards)
	before := l.status()
	for _, group := range []string{"queries", "otlp", "page"} {
		t.Run(group, func(t *testing.T) { testBadRequests(t, group, before) })
	}
	t.Run("check", func(t *testing.T) {
		testBadCommands(t, "check", func(t *testing.T) *workFolder {
			w := newWorkFolder(t, l.home)
			w.running = true
			return w
		})
	})
	after := l.status()
	if after.Phase != "Ready" {
		t.Errorf("the environment is %s: %v", after.Phase, after.Warnings)
	}
	for i, c := range after.Components {
		if was := before.Components[i]; c.PID != was.PID || c.Restarts != was.Restarts {
			t.Errorf("%s was %+v and is %+v", c.Name, was, c)
		}
	}
}

func testBadRequests(t *testing.T, group string, s status) {
	path := filepath.Join("..", "testdata", "bad", group+".yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []*badRequest
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	bases := map[string]string{
		"backend": s.Endpoints.Prometheus, "page": s.Endpoints.Dashboards, "collector": s.Endpoints.OTLPHTTP,
	}
	var places []string
	for name, base := range bases {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" {
			t.Fatalf("the %s is at %q: %v", name, base, err)
		}
		places = append(places, u.Host, "$"+strings.ToUpper(name))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			code, text := c.send(t, bases[c.To])
			text = strings.NewReplacer(places...).Replace(text)
			if c.To == "collector" { // protojson adds spaces, others in each build
				text = strings.NewReplacer(`"code": `, `"code":`, `, "message": `, `,"message":`, `, "message":`, `,"message":`).
					Replace(text)
			}
			if *update {
				c.Status, c.Body = code, text
			} else if code != c.Status || text != c.Body {
				t.Errorf("%s %s answers %d\n%s\nwant %d\n%s", c.Request.Method, c.Request.Path, code, text, c.Status, c.Body)
			}
			// Prometheus answers 500 for what is off.
			if code < http.StatusMultipleChoices || code == http.StatusInternalServerError && group != "queries" {
				t.Errorf("it is answered with %d: %s", code, text)
			}
		})
	}
	if *update {
		writeCases(t, path, data, cases)
	}
}

// send makes the request and returns the status and what is answered.
func (c *badRequest) send(t *testing.T, base string) (int, string) {
	t.Helper()
	asked := c.Request
	body := []byte(strings.Repeat(asked.Body, max(asked.Times, 1)))
	if asked.Form != nil {
		values := url.Values{}
		for name, value := range asked.Form {
			values.Set(name, strings.Repeat(value, max(asked.Times, 1)))
		}
		body = []byte(values.Encode())
	}
	if asked.Protobuf {
		body = inProtobuf(t, body)
	}
	if asked.Gzip {
		body = zipped(t, body)
	}
	body = body[:len(body)-asked.Cut]
	request, err := http.NewRequestWithContext(t.Context(), asked.Method, base, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	// As it is written: dots and all.
	request.URL.Path, request.URL.RawQuery = "", ""
	request.URL.Opaque = asked.Path
	for name, value := range asked.Headers {
		request.Header.Set(name, value)
		if name == "Host" {
			request.Host = value
		}
	}
	if asked.Form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.Header.Get("Content-Type") == "application/x-protobuf" {
		var status spb.Status
		if err := proto.Unmarshal(text, &status); err != nil {
			t.Fatalf("%q is no status: %v", text, err)
		}
		text = []byte(status.GetMessage())
	}
	return response.StatusCode, string(text)
}

// inProtobuf turns metrics that are written as JSON into protobuf.
func inProtobuf(t *testing.T, body []byte) []byte {
	t.Helper()
	metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(body)
	if err != nil {
		t.Fatal(err)
	}
	data, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func zipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	if _, err := zip.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
