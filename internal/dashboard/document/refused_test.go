package document

import (
	"fmt"
	"strings"
	"testing"
)

func TestRefusedByGrafana(t *testing.T) {
	long := strings.Repeat("u", 41)
	type d struct{ file, folder, uid, title string }
	for _, c := range []struct {
		name   string
		boards []d
		want   string // in the error of the last one; "" where none is refused
	}{
		{"as usual", []d{{"a.json", "", "a", "A"}, {"team/b.json", "team", "b", "A"}}, ""},
		{"uid of the limit", []d{{"a.json", "", long[:40], "A"}}, ""},
		{
			"uid too long", []d{{"a.json", "", long, "A"}},
			`a.json: Grafana refuses it: the uid "` + long + `" has 41 characters, and may have 40: shorten it`,
		},
		{"dots", []d{{"a.json", "", "v1.2", "A"}}, `the uid "v1.2" may have letters`},
		{"no title", []d{{"a.json", "", "a", " "}}, "no title"},
		{"a title like a book", []d{{"a.json", "", "a", strings.Repeat("t", 5001)}}, "5001"},
		{"a folder named as the top", []d{{"General/a.json", "General", "a", "A"}}, `"General"`},
		{
			"title twice", []d{{"x/a.json", "x", "a", "A"}, {"x/y/b.json", "x", "b", "A"}},
			`x/y/b.json: the title "A" is also that of x/a.json`,
		},
		{"title twice at the top", []d{{"a.json", "", "a", "A"}, {"b.json", "", "b", "A"}}, `b.json: the title "A"`},
		{"title in two folders of files", []d{{"dev/a.json", "", "a", "A"}, {"prod/a.json", "", "b", "A"}}, ""},
		{"title in two folders with folders", []d{{"dev/x/a.json", "x", "a", "A"}, {"prod/x/a.json", "x", "b", "A"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all []*Dashboard
			for _, b := range c.boards {
				parsed, err := Parse(b.file, fmt.Appendf(nil, `{"uid": %q, "title": %q, "panels": []}`, b.uid, b.title))
				if err != nil {
					t.Fatal(err)
				}
				parsed.Folder = b.folder
				all = append(all, parsed)
			}
			refused := RefusedByGrafana(all)
			last := refused[len(all)-1]
			if c.want == "" {
				if len(refused) > 0 {
					t.Errorf("refused are %v", refused)
				}
				return
			}
			if len(refused) != 1 || !strings.Contains(last.Error(), c.want) {
				t.Errorf("refused are %v, want %q", refused, c.want)
			}
		})
	}
}
