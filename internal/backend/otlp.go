package backend

import (
	"mime"
	"net/http"
	"strconv"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	contentProtobuf = "application/x-protobuf"
	contentJSON     = "application/json"
)

// otlpMetrics hands a metrics request to Prometheus' own OTLP handler, so
// that a request is translated, accepted and refused as Prometheus does it.
// What it adds: a bound on the body, a refusal before the disk is full, and
// an honest answer when the commit failed.
func (in *instance) otlpMetrics(w http.ResponseWriter, r *http.Request) {
	if !in.roomToWrite(w, r) {
		return
	}
	body, err := limitBody(r, in.opts.MaxBodyBytes)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, state := withWriteState(r.Context())
	answer := &writeAnswer{ResponseWriter: w, body: body, state: state}
	r = r.WithContext(ctx)
	r.URL.Path = "/api/v1/otlp/v1/metrics"
	in.api.ServeHTTP(answer, r)
}

// writeAnswer corrects the status of Prometheus' OTLP handler.
type writeAnswer struct {
	http.ResponseWriter
	body      *limitedBody
	state     *writeState
	corrected bool
}

func (a *writeAnswer) WriteHeader(code int) {
	switch {
	case a.state.commitErr != nil:
		a.corrected = true
		a.Header().Set("Retry-After", retryAfterSeconds)
		http.Error(a.ResponseWriter, a.state.commitErr.Error(), http.StatusServiceUnavailable)
	case a.body.tooLarge:
		a.corrected = true
		http.Error(a.ResponseWriter, "body too large; send smaller batches", http.StatusRequestEntityTooLarge)
	default:
		a.ResponseWriter.WriteHeader(code)
	}
}

func (a *writeAnswer) Write(p []byte) (int, error) {
	if a.corrected {
		return len(p), nil
	}
	return a.ResponseWriter.Write(p)
}

// retryAfterSeconds is long enough for someone to free space, and short
// enough that collectors' queues do not overflow.
const retryAfterSeconds = "10"

// roomToWrite refuses a write when the disk is nearly full. A log that ran
// into the end of the disk has to be opened anew; better not to run into it.
func (in *instance) roomToWrite(w http.ResponseWriter, r *http.Request) bool {
	err := in.opts.checkRoom()
	if err == nil {
		return true
	}
	in.refused.WithLabelValues("disk_full").Inc()
	in.fullOnce.Do(func() { in.opts.Logger.Error("writes are refused", "err", err) })
	w.Header().Set("Retry-After", retryAfterSeconds)
	respondStatus(w, r, http.StatusServiceUnavailable, codes.Unavailable, err.Error())
	return false
}

// otlpTraces refuses traces in a way that senders do not retry.
func (in *instance) otlpTraces(w http.ResponseWriter, r *http.Request) {
	in.refused.WithLabelValues("traces").Inc()
	respondStatus(w, r, http.StatusNotImplemented, codes.Unimplemented,
		"this backend stores metrics and logs, not traces; remove the traces pipeline or send it elsewhere")
}

// respondStatus answers with a google.rpc.Status in the request's encoding,
// as OTLP/HTTP asks for.
func respondStatus(w http.ResponseWriter, r *http.Request, httpCode int, code codes.Code, message string) {
	status := &spb.Status{Code: int32(code), Message: message}
	contentType, encode := contentProtobuf, proto.Marshal
	if isJSON(r) {
		contentType, encode = contentJSON, protojson.Marshal
	}
	data, err := encode(status)
	if err != nil {
		http.Error(w, message, httpCode)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(httpCode)
	_, _ = w.Write(data)
}

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == contentJSON
}
