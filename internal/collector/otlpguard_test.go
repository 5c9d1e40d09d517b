package collector

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// send posts an empty metrics request as some client does.
func send(t *testing.T, address string, headers map[string]string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/v1/metrics", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	if name := headers["Host"]; name != "" {
		request.Host = name
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// Pages elsewhere cannot reach the OTLP receiver by a name of theirs, whatever
// the configuration is; those that it names can, and so can containers.
func TestForeignHostsAreRefused(t *testing.T) {
	open, cors := freeAddress(t), freeAddress(t)
	config := fmt.Sprintf(`
receivers:
  otlp: {protocols: {http: {endpoint: '%s'}, grpc: {endpoint: '%s'}}}
  otlp/pages: {protocols: {http: {endpoint: '%s', cors: {allowed_origins: ['http://shop.example']}}}}
exporters: {debug: {}}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    metrics: {receivers: [otlp, otlp/pages], exporters: [debug]}
    logs: {receivers: [otlp], exporters: [debug]}
`, open, freeAddress(t), cors)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	finished := make(chan error, 1)
	go func() {
		finished <- Run(ctx, RunOptions{ConfigURIs: []string{"yaml:" + config}, AllowedHosts: []string{"otel.example"}})
	}()
	until(t, "it takes metrics", func() bool { code, _ := send(t, cors, nil); return code == http.StatusOK })
	for _, c := range []struct {
		address string
		headers map[string]string
		code    int
	}{
		{open, nil, 200}, {open, map[string]string{"Host": "localhost:4318"}, 200},
		{open, map[string]string{"Host": "host.docker.internal:4318"}, 200},
		{open, map[string]string{"Host": "otel.example"}, 200},
		{open, map[string]string{"Host": "evil.example"}, 403}, {cors, map[string]string{"Host": "evil.example"}, 403},
		{open, map[string]string{"Origin": "http://evil.example"}, 403},
		{open, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{cors, map[string]string{"Origin": "http://shop.example", "Sec-Fetch-Site": "cross-site"}, 200},
	} {
		code, text := send(t, c.address, c.headers)
		if code != c.code || code == http.StatusForbidden && text == "" {
			t.Errorf("%s %v: %d %s, want %d", c.address, c.headers, code, text, c.code)
		}
	}
	cancel()
	if err := <-finished; err != nil {
		t.Error(err)
	}
}
