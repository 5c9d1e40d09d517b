package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/diorama-lab/diorama/internal/state"
)

// answerLimit is how long a supervisor may take to say that it will stop.
const answerLimit = 30 * time.Second

// Client talks to the supervisor of a running environment.
type Client struct {
	http http.Client
	// limit is how long an answer to Stop is waited for.
	limit time.Duration
	// PID is the supervisor's.
	PID int
	// name is the environment's.
	name string
}

// NewClient returns a client for the socket that a record names.
func NewClient(record state.Record) *Client {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	transport := &http.Transport{
		// One that is kept open is nobody's to close.
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", record.Control)
		},
	}
	return &Client{
		PID: record.PID, name: record.Environment.Name, limit: answerLimit, http: http.Client{Transport: transport},
	}
}

// Status asks for the status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var status Status
	response, err := c.do(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return status, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		return status, fmt.Errorf("reading the status: %w", err)
	}
	return status, nil
}

// Follow reports how the start goes until it has ended, well or with the
// returned error.
func (c *Client) Follow(ctx context.Context, observe func(Progress)) error {
	return c.stream(ctx, http.MethodGet, "/progress", nil, observe)
}

// Scale changes the size of the cluster and returns when it is reached.
func (c *Client) Scale(ctx context.Context, nodes, pods int, observe func(Progress)) error {
	return c.stream(ctx, http.MethodPost, "/scale", Size{Nodes: nodes, Pods: pods}, observe)
}

// Hurry asks for what has ended to be started at once.
func (c *Client) Hurry(ctx context.Context) error {
	response, err := c.do(ctx, http.MethodPost, "/hurry", nil)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Stop asks the supervisor to take the environment down.
func (c *Client) Stop(ctx context.Context, keepData bool) error {
	asking, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	response, err := c.do(asking, http.MethodPost, "/stop", stopRequest{KeepData: keepData})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("the supervisor (pid %d) has not answered for %s; `kill -9 %d` ends it, "+
			"then `diorama down --name %s` removes what is left: %w", c.PID, c.limit, c.PID, c.name, err)
	}
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (c *Client) stream(ctx context.Context, method, path string, body any, observe func(Progress)) error {
	response, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p Progress
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return fmt.Errorf("reading the supervisor's progress: %w", err)
		}
		if p.End {
			if p.Error != "" {
				return errors.New(p.Error)
			}
			return nil
		}
		observe(p)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the supervisor's progress: %w", err)
	}
	return fmt.Errorf("the supervisor of %q ended before it was done", c.name)
}

func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		reader = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, reader)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		// That it is asked over HTTP is nobody's business.
		if request := new(url.Error); errors.As(err, &request) {
			err = request.Err
		}
		return nil, fmt.Errorf("asking the supervisor of %q: %w", c.name, err)
	}
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
		response.Body.Close()
		return nil, fmt.Errorf("the supervisor refused: %s", bytes.TrimSpace(text))
	}
	return response, nil
}
