package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/diorama-lab/diorama/internal/wait"
)

// reader keeps the database as a folder of files is.
type reader struct {
	name, path string
	every      time.Duration
	folders    bool
	// twice tells that a uid, or a title in a folder, was there twice when it
	// was last read; restricted, that nothing is saved for that reason.
	twice, restricted atomic.Bool
}

func readProviders(dir string) ([]*reader, error) {
	files, err := yamlFiles(dir)
	if err != nil {
		return nil, err
	}
	var all []*reader
	for _, file := range files {
		var read struct {
			Providers []struct {
				Name    string `yaml:"name"`
				Seconds int    `yaml:"updateIntervalSeconds"`
				Options struct {
					Path    string `yaml:"path"`
					Folders bool   `yaml:"foldersFromFilesStructure"`
				} `yaml:"options"`
			} `yaml:"providers"`
		}
		if err := readYAML(file, &read); err != nil {
			return nil, err
		}
		for _, p := range read.Providers {
			if p.Seconds == 0 {
				p.Seconds = 10
			}
			all = append(all, &reader{
				name: p.Name, path: p.Options.Path, folders: p.Options.Folders, every: time.Duration(p.Seconds) * time.Second,
			})
		}
	}
	return all, nil
}

func (g *grafana) follow(ctx context.Context, r *reader) {
	for wait.Pause(ctx, r.every) == nil {
		g.read(r)
	}
}

// validate takes the right to save away from readers that have something twice.
func (g *grafana) validate(ctx context.Context, readers []*reader) {
	for wait.Pause(ctx, 30*time.Second) == nil {
		for _, r := range readers {
			r.restricted.Store(r.twice.Load())
			if r.twice.Load() {
				g.log.Warn("provider has no database write permissions because of duplicates", "provider", r.name)
			}
		}
	}
}

// read goes through the files once. A dashboard without a file is removed, the
// folder that it was in is not.
func (g *grafana) read(r *reader) {
	g.mu.Lock()
	defer g.mu.Unlock()
	files := map[string]bool{}
	err := filepath.WalkDir(r.path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".json") {
			files[path] = true
		}
		return err
	})
	if err != nil {
		g.log.Error("failed to search for dashboards", "err", err)
		return
	}
	for uid, d := range g.Dashboards {
		if strings.HasPrefix(d.Path, r.path) && !files[d.Path] {
			delete(g.Dashboards, uid)
			g.changed = true
		}
	}
	defer g.store()
	seen := map[string]int{}
	for path := range files {
		uid, place, err := g.readFile(r, path)
		if err != nil {
			g.log.Error("failed to save dashboard", "file", path, "err", err)
		}
		if uid != "" {
			seen["uid "+uid]++
			seen[place]++
		}
		if errors.Is(err, errFolder) {
			return // nothing after it is looked at
		}
	}
	r.twice.Store(false)
	for _, times := range seen {
		if times > 1 {
			r.twice.Store(true)
		}
	}
}

var errFolder = errors.New("failed to get or create provisioning folder")

// readFile saves the dashboard of a file, if it is another than before. It
// returns its uid and its title within its folder.
func (g *grafana) readFile(r *reader, path string) (uid, title string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	var read map[string]any
	if err := json.Unmarshal(data, &read); err != nil {
		return "", "", err
	}
	in := ""
	if dir := filepath.Dir(path); r.folders && dir != r.path {
		// The last element alone: folders in folders are not made.
		if in, err = g.folderNamed(filepath.Base(dir)); err != nil {
			return "", "", fmt.Errorf("%w: %w", errFolder, err)
		}
	}
	uid, err = acceptable(read)
	if err != nil {
		return "", "", err
	}
	if uid == "" {
		uid = digest([]byte(path))[:14]
	}
	place, sum := in+" "+text(read["title"]), digest(data)
	before, known := g.Dashboards[uid]
	if known && before.Path == path && before.Sum == sum {
		return uid, place, nil
	}
	if r.restricted.Load() {
		g.log.Warn("Not saving new dashboard due to restricted database access", "provider", r.name, "file", path)
		return uid, place, nil
	}
	g.Dashboards[uid] = dashboard{JSON: read, FolderUID: in, Path: path, Sum: sum}
	g.changed = true
	return uid, place, nil
}

func digest(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

func (g *grafana) folderNamed(title string) (string, error) {
	for uid, f := range g.Folders {
		if f.Title == title {
			return uid, nil
		}
	}
	made, err := g.newFolder(folder{Title: title})
	return made.UID, err
}

var uidCharacters = regexp.MustCompile(`^[a-zA-Z0-9_-]*$`)

// acceptable says why Grafana does not take a dashboard, and returns its uid.
func acceptable(d map[string]any) (string, error) {
	uid, title := strings.TrimSpace(text(d["uid"])), strings.TrimSpace(text(d["title"]))
	switch {
	case title == "":
		return "", errors.New("dashboard title cannot be empty")
	case len(title) > 5000:
		return "", errors.New("dashboard title cannot contain more than 5000 characters")
	case !uidCharacters.MatchString(uid):
		return "", errors.New("uid contains illegal characters")
	case len(uid) > 40:
		return "", errors.New("uid too long, max 40 characters")
	}
	return uid, nil
}
