package apiretry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var nodes = schema.GroupResource{Resource: "nodes"}

func posted(err error) error {
	return &url.Error{Op: "Post", URL: "https://127.0.0.1:6443/api/v1/nodes", Err: err}
}

// on is an error of the connection.
func on(op string, number syscall.Errno) error {
	return posted(&net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(op, number)})
}

func answered(code int, reason metav1.StatusReason, message string) error {
	status := metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message}
	return &apierrors.StatusError{ErrStatus: status}
}

func internalError(message string) error { return apierrors.NewInternalError(errors.New(message)) }

func forbidden(message string) error {
	return apierrors.NewForbidden(nodes, "a", errors.New(message))
}

func conflict() error { return apierrors.NewConflict(nodes, "a", errors.New("modified")) }

// proxied is what becomes of an answer that is none of an API server's.
func proxied(code int) error {
	return apierrors.NewGenericServerResponse(code, "POST", nodes, "", "", 0, true)
}

// dialTimeout is what a connection that is not taken in time ends with.
func dialTimeout(t *testing.T) error {
	t.Helper()
	_, err := (&net.Dialer{Deadline: time.Unix(1, 0)}).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	if err == nil {
		t.Fatal("a connection was made before it was asked for")
	}
	return posted(err)
}

func TestTransient(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"success":              {nil, false},
		"server timeout":       {apierrors.NewServerTimeout(nodes, "create", 1), true},
		"timeout":              {apierrors.NewTimeoutError("slow", 1), true},
		"too many requests":    {apierrors.NewTooManyRequests("later", 1), true},
		"throttled":            {apierrors.NewTooManyRequestsError("later"), true},
		"request timeout":      {answered(http.StatusRequestTimeout, "", ""), true},
		"quota was slow":       {internalError("resource quota evaluation timed out"), true},
		"leader changed":       {internalError("etcdserver: leader changed"), true},
		"etcd was slow":        {answered(500, "", "etcdserver: request timed out"), true},
		"unavailable":          {apierrors.NewServiceUnavailable("starting"), true},
		"bad gateway":          {proxied(http.StatusBadGateway), true},
		"gateway timeout":      {proxied(http.StatusGatewayTimeout), true},
		"conflict":             {conflict(), true},
		"wrapped conflict":     {fmt.Errorf("create node a: %w", conflict()), true},
		"admission starts":     {forbidden("not yet ready to handle request"), true},
		"connection refused":   {on("dial", syscall.ECONNREFUSED), true},
		"connection reset":     {on("read", syscall.ECONNRESET), true},
		"broken pipe":          {on("write", syscall.EPIPE), true},
		"end of file":          {posted(io.EOF), true},
		"cut short":            {posted(io.ErrUnexpectedEOF), true},
		"closed":               {posted(net.ErrClosed), true},
		"going away":           {posted(errors.New("http2: server sent GOAWAY and closed the connection")), true},
		"stream reset":         {posted(errors.New("stream error: stream ID 7; INTERNAL_ERROR; received from peer")), true},
		"connection lost":      {posted(errors.New("http2: client connection lost")), true},
		"dial timeout":         {dialTimeout(t), true},
		"handshake timeout":    {posted(timeout{}), true},
		"invalid":              {apierrors.NewInvalid(schema.GroupKind{Kind: "Node"}, "a", nil), false},
		"bad request":          {apierrors.NewBadRequest("no"), false},
		"forbidden":            {forbidden("no rights"), false},
		"quota exceeded":       {forbidden("exceeded quota: team, requested: pods=1, used: pods=5, limited: pods=5"), false},
		"unauthorized":         {apierrors.NewUnauthorized("who?"), false},
		"not found":            {apierrors.NewNotFound(nodes, "a"), false},
		"already exists":       {apierrors.NewAlreadyExists(nodes, "a"), false},
		"gone":                 {apierrors.NewResourceExpired("old"), false},
		"method not supported": {apierrors.NewMethodNotSupported(nodes, "create"), false},
		"too large":            {apierrors.NewRequestEntityTooLargeError("large"), false},
		"not implemented":      {answered(http.StatusNotImplemented, "", ""), false},
		"canceled":             {posted(context.Canceled), false},
		"deadline":             {posted(context.DeadlineExceeded), false},
		"certificate":          {posted(errors.New("tls: failed to verify certificate: x509: unknown authority")), false},
		"no such host":         {posted(&net.DNSError{Err: "no such host", Name: "k8s", IsNotFound: true}), false},
		"of another kind":      {errors.New("no matches for kind"), false},
	} {
		if got := Transient(test.err); got != test.want {
			t.Errorf("%s (%v) is transient: %v, want %v", name, test.err, got, test.want)
		}
	}
}

// timeout is what a TLS handshake that takes too long ends with.
type timeout struct{}

func (timeout) Error() string   { return "net/http: TLS handshake timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// failing fails with each of the errors, and succeeds then.
func failing(calls *[]time.Time, errs ...error) func(context.Context) error {
	return func(context.Context) error {
		*calls = append(*calls, time.Now())
		if len(*calls) <= len(errs) {
			return errs[len(*calls)-1]
		}
		return nil
	}
}

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []time.Time
		var said []string
		report := func(text string) { said = append(said, text) }
		busy := internalError("resource quota evaluation timed out")
		request := failing(&calls, busy, busy, busy, busy, apierrors.NewTooManyRequests("later", 9))
		if err := Do(t.Context(), "creating the node a", report, request); err != nil {
			t.Fatal(err)
		}
		for i, least := range []time.Duration{100, 200, 400, 800, 9000} {
			waited, most := calls[i+1].Sub(calls[i]), least*time.Millisecond*3/2
			if least *= time.Millisecond; waited < least || waited > most {
				t.Errorf("after failure %d it waits for %v, want %v to %v", i+1, waited, least, most)
			}
		}
		want := "creating the node a failed, trying again: Internal error occurred: resource quota evaluation timed out"
		if len(said) != 5 || said[0] != want {
			t.Errorf("it reports %q, want %q first", said, want)
		}
	})
}

func TestDoEndsAtOnce(t *testing.T) {
	var calls []time.Time
	refused := forbidden("exceeded quota")
	report := func(text string) { t.Errorf("it reports %q", text) }
	err := Do(t.Context(), "creating", report, failing(&calls, refused))
	if !errors.Is(err, refused) || len(calls) != 1 {
		t.Errorf("after %d requests: %v", len(calls), err)
	}
}

func TestDoEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var longest time.Duration
		last := time.Now()
		err := Do(ctx, "creating", nil, func(context.Context) error {
			longest = max(longest, time.Since(last))
			last = time.Now()
			return apierrors.NewServiceUnavailable("starting")
		})
		both := errors.Is(err, context.DeadlineExceeded) && apierrors.IsServiceUnavailable(err)
		if !both || !strings.Contains(err.Error(), "starting; tried ") {
			t.Errorf("it ends with %v", err)
		}
		if longest < mostWait || longest > mostWait*3/2 {
			t.Errorf("the longest wait is %v, want %v to half longer", longest, mostWait)
		}
	})
}
