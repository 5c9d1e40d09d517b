package web

import (
	"errors"
	"net/http"

	"github.com/diorama-lab/diorama/internal/dashboard/document"
	"github.com/diorama-lab/diorama/internal/dashboard/library"
)

// save writes a dashboard into the dashboards folder.
func (s *server) save(r *http.Request) (any, error) {
	var body struct {
		Dashboard document.Object `json:"dashboard"`
		FolderUID string          `json:"folderUid"`
		Overwrite bool            `json:"overwrite"`
	}
	if err := readBody(r, &body); err != nil {
		return nil, err
	}
	if body.Dashboard == nil {
		return nil, failure(http.StatusBadRequest, `the body has no dashboard: send {"dashboard": {…}}`)
	}
	saved, events, err := s.o.Library.Save(r.Context(), body.Dashboard, body.FolderUID, body.Overwrite)
	s.publish(events)
	switch {
	case errors.Is(err, library.ErrConflict):
		return nil, failure(http.StatusPreconditionFailed, "%w", err)
	case errors.Is(err, library.ErrRefused):
		return nil, failure(http.StatusBadRequest, "%w", err)
	case errors.Is(err, library.ErrNoFolder):
		return nil, failure(http.StatusForbidden, "%w", err)
	case err != nil:
		return nil, err
	}
	return map[string]any{
		"id": 0, "uid": saved.UID(), "url": dashboardURL(saved), "slug": slug(saved.Title()), "version": saved.Version(),
		"status": "success",
	}, nil
}

type folderView struct {
	ID    int    `json:"id"`
	UID   string `json:"uid"`
	Title string `json:"title"`
}

func (s *server) folders(*http.Request) (any, error) {
	all := []folderView{}
	for i, name := range s.o.Library.Folders() {
		all = append(all, folderView{i + 1, name, name})
	}
	return all, nil
}

func (s *server) folder(r *http.Request) (any, error) {
	for i, name := range s.o.Library.Folders() {
		if name == r.PathValue("uid") {
			return folderView{i + 1, name, name}, nil
		}
	}
	return nil, failure(http.StatusNotFound, "there is no folder %q", r.PathValue("uid"))
}
