package apiretry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// Transient tells whether the same request may succeed in a moment. The end of
// a context is no such error, nor is any refusal of what was asked for.
func Transient(err error) bool {
	if err == nil {
		return false
	}
	var answered apierrors.APIStatus
	if errors.As(err, &answered) {
		return transientAnswer(answered.Status())
	}
	return transientConnection(err)
}

// notReady is what admission plugins say, as a refusal, while they wait for
// their first lists (k8s.io/apiserver/pkg/admission, WaitForReady's callers).
const notReady = "not yet ready to handle request"

// transientAnswer judges an API server's answer. An error of etcd, such as a
// change of its leader, and a quota whose evaluation took too long are
// internal errors, a lost race of two writers is a conflict.
func transientAnswer(status metav1.Status) bool {
	switch code := status.Code; {
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests:
		return true
	case code == http.StatusConflict:
		return status.Reason == metav1.StatusReasonConflict
	case code == http.StatusForbidden:
		return strings.Contains(status.Message, notReady)
	case code == http.StatusNotImplemented, code == http.StatusHTTPVersionNotSupported:
		return false
	default:
		return code >= http.StatusInternalServerError
	}
}

// transientConnection judges an error of the way to the server.
func transientConnection(err error) bool {
	var dial *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &dial) && dial.Timeout():
		return true // it claims to be the end of a context, too
	case errors.Is(err, context.DeadlineExceeded):
		return false
	}
	for _, passing := range []error{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, passing) {
			return true
		}
	}
	var timed net.Error
	if errors.As(err, &timed) && timed.Timeout() {
		return true
	}
	return utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) || transientHTTP2(err)
}

// transientHTTP2 goes by the texts: net/http has a copy of the types of
// golang.org/x/net/http2, which nobody else can name.
func transientHTTP2(err error) bool {
	text := err.Error()
	return strings.Contains(text, "http2: server sent GOAWAY") || strings.Contains(text, "stream error: stream ID")
}
