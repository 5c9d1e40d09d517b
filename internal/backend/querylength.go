package backend

import (
	"fmt"
	"net/http"
)

const (
	// mostQueryBytes is how long a query may be: what names thousands of pods
	// in a regular expression is far from it.
	mostQueryBytes = 1 << 20
	// mostBareBytes is how much of it may stand outside of quotes. Each level of
	// brackets or operators is written out again with all that is in it: the
	// work grows with the square of their number.
	mostBareBytes = 20_000
)

// limitQueries refuses queries and selectors that would take the memory and the
// time of everybody else, in the form of Prometheus' errors.
func limitQueries(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			respondError(w, http.StatusBadRequest, "bad_data", fmt.Errorf("error parsing form values: %w", err))
			return
		}
		for _, name := range []string{"query", "match[]"} {
			for _, text := range r.Form[name] {
				if err := queryLength(text); err != nil {
					respondError(w, http.StatusBadRequest, "bad_data", fmt.Errorf("invalid parameter %q: %w", name, err))
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

func queryLength(query string) error {
	if len(query) > mostQueryBytes {
		return fmt.Errorf("the query has %d bytes, and may have %d: ask for less at a time", len(query), mostQueryBytes)
	}
	if bare := bareBytes(query); bare > mostBareBytes {
		return fmt.Errorf("the query has %d bytes outside of quotes, and may have %d: take it apart", bare, mostBareBytes)
	}
	return nil
}

// bareBytes counts what is outside of quotes. Quotes in comments are none, and one
// that is not closed ends with its line, or with the query if it may have several.
func bareBytes(query string) int {
	bare := 0
	for i := 0; i < len(query); i++ {
		switch quote := query[i]; quote {
		case '#':
			for ; i < len(query) && query[i] != '\n'; i++ {
				bare++
			}
		case '"', '\'', '`':
			for i++; i < len(query) && query[i] != quote && (query[i] != '\n' || quote == '`'); i++ {
				if query[i] == '\\' && quote != '`' {
					i++
				}
			}
		default:
			bare++
		}
	}
	return bare
}
