package backend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"

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
// What it adds: a bound on the body, a refusal before the disk is full, an
// honest answer when the commit failed, and answers that senders can read.
func (in *instance) otlpMetrics(w http.ResponseWriter, r *http.Request) {
	if !in.roomToWrite(w, r) {
		return
	}
	body, err := limitBody(r, in.opts.MaxBodyBytes)
	if err != nil {
		respondStatus(w, r, http.StatusBadRequest, codes.InvalidArgument, err.Error())
		return
	}
	ctx, state := withWriteState(r.Context())
	answer := &writeAnswer{ResponseWriter: w, body: body, state: state, asked: r}
	r = r.WithContext(ctx)
	r.URL.Path = "/api/v1/otlp/v1/metrics"
	in.api.ServeHTTP(answer, r)
}

// writeAnswer corrects the refusals of Prometheus' OTLP handler: their status,
// and their form. A collector logs the message of a status, not of a text.
type writeAnswer struct {
	http.ResponseWriter
	body  *limitedBody
	state *writeState
	asked *http.Request
	// code is the status of a refusal, whose text comes after it.
	code              int
	refused, answered bool
}

func (a *writeAnswer) WriteHeader(code int) {
	if code < http.StatusBadRequest && a.state.commitErr == nil {
		a.ResponseWriter.WriteHeader(code)
		return
	}
	a.refused, a.code = true, code
	if a.state.commitErr != nil { // answered as a success, without a text
		a.refuse("")
	}
}

func (a *writeAnswer) Write(p []byte) (int, error) {
	if !a.refused {
		return a.ResponseWriter.Write(p)
	}
	a.refuse(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (a *writeAnswer) refuse(text string) {
	if a.answered {
		return
	}
	a.answered = true
	a.Header().Del("Content-Length")
	switch {
	case a.state.commitErr != nil:
		a.Header().Set("Retry-After", retryAfterSeconds)
		respondStatus(a.ResponseWriter, a.asked, http.StatusServiceUnavailable, codes.Unavailable, a.state.commitErr.Error())
	case a.body.tooLarge:
		respondStatus(a.ResponseWriter, a.asked, http.StatusRequestEntityTooLarge, codes.ResourceExhausted,
			"body too large; send smaller batches")
	case a.asked.Context().Err() != nil:
		a.Header().Set("Retry-After", retryAfterSeconds)
		respondStatus(a.ResponseWriter, a.asked, http.StatusServiceUnavailable, codes.Unavailable,
			"the storage is being closed; send it again")
	case a.code == http.StatusInternalServerError:
		// Nothing else fails for our reasons: what went wrong before the commit is the
		// request's own doing.
		a.code = http.StatusBadRequest
		fallthrough
	default:
		respondStatus(a.ResponseWriter, a.asked, a.code, codes.InvalidArgument, explainRefusal(text))
	}
}

// explainRefusal says what Prometheus means by a refusal, where it does not.
func explainRefusal(text string) string {
	for _, known := range []struct{ part, means string }{
		{`normalization for metric "" resulted in empty name`, "a metric has no name: give it one. " +
			"Prometheus takes none of the request then"},
		{"resulted in empty name", "%s: give it a name with letters or digits. Prometheus takes none of the request then"},
		{"invalid temporality", "%s: sums and histograms have to be cumulative. Prometheus takes none of the request then"},
		{"empty data points", "%s: a metric needs data points. Prometheus takes none of the request then"},
		{"unsupported metric type Empty", "%s: it has no data. Prometheus takes none of the request then"},
		{"label name is empty", "an attribute has no name. Prometheus takes none of the request then"},
		{"too old sample", "%s: it is older than what is taken out of order. Prometheus takes none of the request then"},
		{"out of order sample", "%s. Prometheus takes none of the request then"},
		{"error found in #", "body is no OTLP metrics request: %s"},
		{"proto:", "body is no OTLP metrics request: %s"},
		{"unexpected EOF", "body is no OTLP metrics request, or not all of one: %s"},
	} {
		if strings.Contains(text, known.part) {
			return strings.ReplaceAll(known.means, "%s", withoutContext(text))
		}
	}
	return text
}

// jsonContext is what the JSON decoder adds to its errors: the function, and the
// text around, twice.
var jsonContext = regexp.MustCompile(
	`(?s)^(?:\w+: )?(.*), error found in #\d+ byte of \.\.\.\|(.*?)\|\.\.\., bigger.*$`)

func withoutContext(text string) string {
	if found := jsonContext.FindStringSubmatch(text); found != nil {
		return fmt.Sprintf("%s, near %q", strings.ReplaceAll(found[1], "\x00", "the end"), found[2])
	}
	return text
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
		contentType, encode = contentJSON, compactJSON
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

// compactJSON takes out the spaces that protojson puts in at random, lest
// anybody compare its output.
func compactJSON(m proto.Message) ([]byte, error) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, data)
	return compact.Bytes(), err
}

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == contentJSON
}
