package backend

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/metadata"

	"github.com/diorama-lab/diorama/internal/atomicfile"
)

// maxFamilies bounds the metadata: a sender that invents names must not be
// able to fill the memory.
const maxFamilies = 20_000

// metadataStore knows type, unit and help of every metric family that was
// written. Prometheus answers /api/v1/metadata from its scrape targets only,
// of which we have none.
type metadataStore struct {
	path string

	mu       sync.RWMutex
	families map[string][]familyMetadata
}

type familyMetadata struct {
	Type model.MetricType `json:"type"`
	Help string           `json:"help"`
	Unit string           `json:"unit"`
}

// loadMetadata reads what the last run left; a missing or damaged file only
// means that the collectors have to send it again.
func loadMetadata(dir string) *metadataStore {
	s := &metadataStore{path: filepath.Join(dir, "metadata.json"), families: map[string][]familyMetadata{}}
	data, err := os.ReadFile(s.path)
	if err == nil && json.Unmarshal(data, &s.families) != nil {
		s.families = map[string][]familyMetadata{}
	}
	return s
}

func (s *metadataStore) save() error {
	s.mu.RLock()
	data, err := json.Marshal(s.families)
	s.mu.RUnlock()
	if err != nil {
		return fmt.Errorf("encoding the metric metadata: %w", err)
	}
	if err := atomicfile.Write(s.path, 0o600, data); err != nil {
		return fmt.Errorf("keeping the metric metadata: %w", err)
	}
	return nil
}

func (s *metadataStore) learn(family string, m metadata.Metadata) {
	if family == "" {
		return
	}
	known := familyMetadata{Type: m.Type, Help: m.Help, Unit: m.Unit}
	s.mu.RLock()
	have := slices.Contains(s.families[family], known)
	s.mu.RUnlock()
	if have {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.families[family]
	// Two senders may disagree about a family; more than a few are a
	// sender that writes something changing into the description.
	if slices.Contains(list, known) || len(list) >= 8 || (list == nil && len(s.families) >= maxFamilies) {
		return
	}
	s.families[family] = append(slices.Clip(list), known)
}

// ServeHTTP answers /api/v1/metadata as Prometheus does, and in the order of
// names, so that a limit means something.
func (s *metadataStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit, err := optionalInt(r, "limit")
	if err != nil {
		respondError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	perMetric, err := optionalInt(r, "limit_per_metric")
	if err != nil {
		respondError(w, http.StatusBadRequest, "bad_data", err)
		return
	}
	respondData(w, s.list(r.FormValue("metric"), limit, perMetric))
}

func (s *metadataStore) list(metric string, limit, perMetric int) map[string][]familyMetadata {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var names []string
	for name := range s.families {
		if metric == "" || metric == name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if limit >= 0 && len(names) > limit {
		names = names[:limit]
	}
	out := make(map[string][]familyMetadata, len(names))
	for _, name := range names {
		list := s.families[name]
		if perMetric > 0 && len(list) > perMetric {
			list = list[:perMetric]
		}
		out[name] = list
	}
	return out
}

// optionalInt is a number parameter, or -1 when it is not given.
func optionalInt(r *http.Request, name string) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s must be a number", name)
	}
	return n, nil
}
