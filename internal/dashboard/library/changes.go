package library

import (
	"fmt"
	"maps"
	"slices"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
)

// Event is a change of a library.
type Event struct {
	// Type is dashboard, removed, error or ok.
	Type    string `json:"type"`
	UID     string `json:"uid,omitempty"`
	Version int    `json:"version,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message,omitempty"`
}

// String is a change as people read it.
func (e Event) String() string {
	switch e.Type {
	case "error":
		return (&document.FileError{File: e.File, Line: e.Line, Column: e.Column, Message: e.Message}).Error()
	case "ok":
		return e.File + ": can be read again"
	}
	return fmt.Sprintf("dashboard %s: %s", e.UID, e.Type)
}

// install takes over what was read, and says what is different. folder is what
// is wrong with the folder itself, nil for nothing.
func (l *Library) install(files map[string]*file, folder *document.FileError) []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	byUID, fromFolder := map[string]*document.Dashboard{}, map[string]bool{}
	for _, d := range l.shipped {
		byUID[d.UID()] = d
	}
	wrong := map[string][]document.FileError{}
	if folder != nil {
		wrong[folder.File] = []document.FileError{*folder}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		wrong[name] = slices.Clone(files[name].wrong)
		for _, d := range files[name].dashboards {
			first := byUID[d.UID()]
			if !fromFolder[d.UID()] {
				byUID[d.UID()], fromFolder[d.UID()] = d, true
			} else if !same(first, d) {
				wrong[name] = append(wrong[name], *document.FileErrorf(name,
					"uid %q is also used in %s; the first one is served", d.UID(), first.Source()))
			}
		}
	}
	maps.DeleteFunc(wrong, func(_ string, all []document.FileError) bool { return len(all) == 0 })
	events := append(l.changedErrors(wrong), l.changedDashboards(byUID)...)
	l.files, l.byUID, l.wrong = files, byUID, wrong
	return events
}

// changedErrors are the events of files that have another error than before.
func (l *Library) changedErrors(wrong map[string][]document.FileError) []Event {
	var events []Event
	for _, name := range slices.Sorted(maps.Keys(l.wrong)) {
		for _, before := range l.wrong[name] {
			// An import's error is reported under the import's name.
			named := func(now document.FileError) bool { return now.File == before.File }
			ok := Event{Type: "ok", File: before.File}
			if !slices.ContainsFunc(wrong[name], named) && !slices.Contains(events, ok) {
				events = append(events, ok)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		for _, now := range wrong[name] {
			if !slices.Contains(l.wrong[name], now) {
				events = append(events, Event{
					Type: "error", File: now.File, Line: now.Line, Column: now.Column, Message: now.Message,
				})
			}
		}
	}
	return events
}

// changedDashboards are the events of dashboards that are new, changed or gone.
func (l *Library) changedDashboards(byUID map[string]*document.Dashboard) []Event {
	if l.versions == nil {
		l.versions = map[string]int{}
	}
	var events []Event
	for _, uid := range slices.Sorted(maps.Keys(byUID)) {
		if l.byUID[uid] != byUID[uid] {
			l.versions[uid] = max(l.versions[uid]+1, byUID[uid].Version())
			events = append(events, Event{Type: "dashboard", UID: uid, Version: l.versions[uid]})
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(l.byUID)) {
		if byUID[uid] == nil {
			events = append(events, Event{Type: "removed", UID: uid})
		}
	}
	return events
}
