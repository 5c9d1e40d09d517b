package lgtm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/state"
)

// Provisioning keeps the folder that Grafana reads as the dashboards are: jsonnet
// evaluated, and the last good version of a file that is broken now.
type Provisioning struct {
	library *library.Library
	dir     string
	// folders are Grafana's.
	folders *folders

	stop    context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// refused are the dashboards that are kept from Grafana, and why.
	refused []string
}

// NewProvisioning follows a library for the Grafana at a URL; dir is LGTM's folder.
func NewProvisioning(boards *library.Library, dir, grafana string) *Provisioning {
	return &Provisioning{library: boards, dir: filepath.Join(dir, "dashboards"), folders: newFolders(grafana)}
}

// Start writes the dashboards, and follows them from then on. There may be much
// jsonnet to evaluate.
func (p *Provisioning) Start(ctx context.Context) error {
	if err := state.CreatePublic(p.dir); err != nil {
		return err
	}
	if _, err := p.library.Load(ctx); err != nil {
		return err
	}
	if err := p.write(ctx, true); err != nil {
		return err
	}
	watching, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.running.Go(func() {
		err := p.library.Watch(watching, func(events []library.Event) {
			for _, e := range events {
				slog.Info("dashboards", "change", e.String())
			}
			if err := p.write(watching, false); err != nil {
				slog.Error("the dashboards could not be written for Grafana", "error", err)
			}
		})
		if err != nil {
			slog.Error("the dashboards are not followed", "error", err)
		}
	})
	p.running.Go(func() { p.folders.tidy(watching) })
	return nil
}

// Close ends what follows the dashboards.
func (p *Provisioning) Close() {
	if p.stop != nil {
		p.stop()
		p.running.Wait()
	}
}

// Warnings name the files that cannot be read now, and those that Grafana would
// not take.
func (p *Provisioning) Warnings() []string {
	var all []string
	for _, e := range p.library.Errors() {
		all = append(all, e.Error())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Concat(all, p.refused, p.folders.problems())
}

// write makes the folder what the library is, but for what Grafana would not
// take. first tells that Grafana has not read anything of it.
func (p *Provisioning) write(ctx context.Context, first bool) error {
	wanted, folders := map[string]bool{}, map[string]bool{}
	var problems []error
	var warnings []string
	if first {
		p.earlier()
	}
	all := p.library.List()
	refused := document.RefusedByGrafana(all)
	for i, d := range all {
		if why, no := refused[i]; no {
			warnings = append(warnings, why.Error())
			continue
		}
		path := filepath.Join(p.dir, d.Folder, url.PathEscape(d.UID())+".json")
		wanted[path] = true
		if d.Folder != "" && !folders[d.Folder] {
			folders[d.Folder] = true
			p.folders.before(ctx, d.Folder, first)
		}
		data, err := json.MarshalIndent(d.JSON, "", "  ")
		if err != nil {
			problems = append(problems, fmt.Errorf("encoding the dashboard %s: %w", d.UID(), err))
			continue
		}
		problems = append(problems, state.CreatePublic(filepath.Dir(path)), state.WritePublicFile(path, data))
	}
	p.mu.Lock()
	p.refused = warnings
	p.mu.Unlock()
	problems = append(problems, removeOthers(p.dir, wanted))
	p.folders.now(folders)
	return errors.Join(problems...)
}

// earlier notes the folders of an earlier run.
func (p *Provisioning) earlier() {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return // there was none
	}
	for _, entry := range entries {
		if entry.IsDir() {
			p.folders.before(context.Background(), entry.Name(), true)
		}
	}
}

// removeOthers removes the dashboards that are not wanted any more, and the
// folders that nothing is left in.
func removeOthers(dir string, wanted map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch {
		case entry.IsDir():
			err = removeOthers(path, wanted)
			if left, readErr := os.ReadDir(path); err == nil && readErr == nil && len(left) == 0 {
				err = os.Remove(path)
			}
		case strings.HasSuffix(path, ".json") && !wanted[path]:
			err = os.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
