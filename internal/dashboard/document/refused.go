package document

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// What Grafana takes. https://grafana.com/docs/grafana/latest/developers/http_api/dashboard/
const (
	uidLimit   = 40
	titleLimit = 5000
)

var uidCharacters = regexp.MustCompile(`^[a-zA-Z0-9_-]*$`)

// RefusedByGrafana says which dashboards Grafana would not take, by their places
// in the list; those of one folder of files are those that it reads together. When it reads them from files it
// tells that in its log alone; a title that is twice in a folder makes it take
// no change of any dashboard any more.
func RefusedByGrafana(all []*Dashboard) map[int]FileError {
	refused, titles := map[int]FileError{}, map[[3]string]*Dashboard{}
	for i, d := range all {
		if why := d.unacceptable(); why != "" {
			refused[i] = *FileErrorf(d.File, "Grafana refuses it: %s", why)
			continue
		}
		place := [3]string{d.root(), d.Folder, d.Title()}
		first, taken := titles[place]
		if !taken {
			titles[place] = d
			continue
		}
		refused[i] = *FileErrorf(d.File, "the title %q is also that of %s, in the same folder; "+
			"Grafana would then take no changes of any dashboard: give one of them another title", d.Title(), first.File)
	}
	return refused
}

// root is the folder of files that a dashboard's folder is in.
func (d *Dashboard) root() string {
	dir := path.Dir(filepath.ToSlash(d.File)) + "/"
	if above, _, nested := strings.Cut("/"+dir, "/"+d.Folder+"/"); nested && d.Folder != "" {
		return above
	}
	return dir
}

// unacceptable is why Grafana does not take a dashboard, whatever others there
// are, and what to do; "" if it does.
func (d *Dashboard) unacceptable() string {
	uid, title := strings.TrimSpace(d.UID()), strings.TrimSpace(d.JSON.Text("title"))
	switch {
	case len(uid) > uidLimit:
		return fmt.Sprintf("the uid %q has %d characters, and may have %d: shorten it", uid, len(uid), uidLimit)
	case !uidCharacters.MatchString(uid):
		return fmt.Sprintf("the uid %q may have letters (a to z), digits, - and _ only: give it another one", uid)
	case title == "":
		return "it has no title: give it one"
	case len(title) > titleLimit:
		return fmt.Sprintf("the title has %d characters, and may have %d: shorten it", len(title), titleLimit)
	case strings.EqualFold(d.Folder, "general"):
		return fmt.Sprintf("no folder may be called %q, which is Grafana's name of the top: rename the folder", d.Folder)
	}
	return ""
}
