package backend

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/codes"

	"github.com/diorama-lab/diorama/internal/backend/events"
)

// otlpLogs stores log records, above all Kubernetes events.
func (in *instance) otlpLogs(w http.ResponseWriter, r *http.Request) {
	if !in.roomToWrite(w, r) {
		return
	}
	body, err := limitBody(r, in.opts.MaxBodyBytes)
	if err != nil {
		respondStatus(w, r, http.StatusBadRequest, codes.InvalidArgument, err.Error())
		return
	}
	request, err := decodeLogs(r)
	switch {
	case body.tooLarge:
		respondStatus(w, r, http.StatusRequestEntityTooLarge, codes.ResourceExhausted,
			"body too large; send smaller batches")
		return
	case err != nil:
		respondStatus(w, r, http.StatusBadRequest, codes.InvalidArgument, err.Error())
		return
	}
	result, err := in.events.Add(r.Context(), request.Logs())
	if err != nil {
		in.opts.Logger.Error("events not stored, the sender will retry", "err", err)
		w.Header().Set("Retry-After", retryAfterSeconds)
		respondStatus(w, r, http.StatusServiceUnavailable, codes.Unavailable, err.Error())
		return
	}
	in.answerLogs(w, r, result)
}

func (in *instance) answerLogs(w http.ResponseWriter, r *http.Request, result events.Result) {
	response := plogotlp.NewExportResponse()
	if result.Rejected > 0 {
		message := fmt.Sprintf("%d of %d records not stored: %s", result.Rejected, result.Received, result.Reason)
		in.opts.Logger.Warn("events rejected",
			"rejected", result.Rejected, "received", result.Received, "reason", result.Reason)
		response.PartialSuccess().SetRejectedLogRecords(int64(result.Rejected))
		response.PartialSuccess().SetErrorMessage(message)
	}
	contentType, encode := contentProtobuf, response.MarshalProto
	if isJSON(r) {
		contentType, encode = contentJSON, response.MarshalJSON
	}
	data, err := encode()
	if err != nil {
		respondStatus(w, r, http.StatusInternalServerError, codes.Internal, err.Error())
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(data)
}

func decodeLogs(r *http.Request) (plogotlp.ExportRequest, error) {
	request := plogotlp.NewExportRequest()
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || (kind != contentProtobuf && kind != contentJSON) {
		return request, fmt.Errorf("content type %q is not supported; use %s or %s",
			r.Header.Get("Content-Type"), contentProtobuf, contentJSON)
	}
	data, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return request, fmt.Errorf("reading the body: %w", err)
	}
	if kind == contentJSON {
		err = request.UnmarshalJSON(data)
	} else {
		err = request.UnmarshalProto(data)
	}
	if err != nil {
		return request, fmt.Errorf("body is no OTLP logs request: %s", withoutContext(err.Error()))
	}
	return request, nil
}
