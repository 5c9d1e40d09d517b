package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/diorama-lab/diorama/dashboards"
	"github.com/diorama-lab/diorama/internal/backend"
	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
	"github.com/diorama-lab/diorama/internal/state"
)

// OpenLibrary returns the dashboards that come with diorama, with a folder of
// the user's on top ("" for none). executable evaluates jsonnet.
func OpenLibrary(folder string, jsonnetPaths []string, executable string) (*library.Library, error) {
	shipped, err := fs.Sub(dashboards.FS, "json")
	if err != nil {
		return nil, fmt.Errorf("reading the built-in dashboards: %w", err)
	}
	return &library.Library{
		Dir: folder, Shipped: shipped, Paths: jsonnetPaths, Evaluate: library.Command(executable, "jsonnet"),
	}, nil
}

// provisioning keeps the folder that Grafana reads as the dashboards are:
// jsonnet evaluated, and the last good version of a file that is broken now.
type provisioning struct {
	library *library.Library
	dir     string
	// folders are Grafana's.
	folders *grafanaFolders

	stop    context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// refused are the dashboards that are kept from Grafana, and why.
	refused []string
}

func (p *provisioning) start(ctx context.Context) error {
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

func (p *provisioning) close() {
	if p.stop != nil {
		p.stop()
		p.running.Wait()
	}
}

// warnings name the files that cannot be read now, and those that Grafana would
// not take.
func (p *provisioning) warnings() []string {
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
func (p *provisioning) write(ctx context.Context, first bool) error {
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
func (p *provisioning) earlier() {
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

// writeRules writes the rules that come with diorama, and the user's.
func writeRules(dir string, globs []string) error {
	if err := state.CreatePublic(dir); err != nil {
		return err
	}
	files, err := dashboards.RuleFiles()
	if err != nil {
		return err
	}
	own, err := userRules(globs)
	if err != nil {
		return err
	}
	for i, path := range own {
		data, err := readRules(path)
		if err != nil {
			return refusedRules(err)
		}
		files[fmt.Sprintf("own-%d-%s.yaml", i, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))] = string(data)
	}
	for name, text := range files {
		if err := state.WritePublicFile(filepath.Join(dir, name), []byte(text)); err != nil {
			return err
		}
	}
	// An earlier run may have had other files.
	left, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the folder of the rules: %w", err)
	}
	for _, entry := range left {
		if _, wanted := files[entry.Name()]; !wanted {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("removing a rule file of an earlier run: %w", err)
			}
		}
	}
	return nil
}

// userRules are the files that the user's rule globs name. They are copied
// once: a glob that matches nothing now would never match.
func userRules(globs []string) ([]string, error) {
	var files []string
	for _, glob := range globs {
		found, err := filepath.Glob(glob)
		if err != nil {
			return nil, fmt.Errorf("backend.rules %q: %w", glob, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("backend.rules: %s: %w", glob, os.ErrNotExist)
		}
		files = append(files, found...)
	}
	return files, nil
}

// readRules reads a rule file that Prometheus will load: a bad one would keep it
// from starting.
func readRules(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a rule file: %w", err)
	}
	return data, backend.ParseRules(path, data)
}

// CheckRules says early which of the user's rule files would keep Prometheus
// from starting, in the kinds whose Prometheus is not diorama's.
func (p Plan) CheckRules() error {
	if p.Network == "" {
		return nil
	}
	files, err := userRules(p.Environment.Backend.Rules)
	if err != nil {
		return err
	}
	var problems []error
	for _, path := range files {
		_, err := readRules(path)
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return refusedRules(err)
	}
	return nil
}

func refusedRules(err error) error {
	return fmt.Errorf("backend.rules: Prometheus would not start; mend it, or leave the file out:\n%w", err)
}
