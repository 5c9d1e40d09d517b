package document

import "testing"

func TestMistyped(t *testing.T) {
	for text, want := range map[string]string{
		`{"title":5,"panels":"x"}`:                   "d.json:1:10: title is a number, and has to be a text",
		"{\n \"title\": \"T\",\n \"panels\": \"x\"}": "d.json:3:12: panels is a text, and has to be a list",
		`{"title":"T","panels":[{},5]}`:              "d.json:1:27: panels[1] is a number, and has to be an object",
		"{\"title\": \"T\", \"panels\": [{\"panels\": [\n{\"targets\": {}}]}]}": "d.json:2:13: " +
			"panels[0].panels[0].targets is an object, and has to be a list",
		`{"title":"T","panels":[{"targets":[{"expr":["up"]}]}]}`: "d.json:1:44: panels[0].targets[0].expr is a list, " +
			"and has to be a text",
		`{"title":"T","rows":[{"panels":true}]}`: "d.json:1:32: rows[0].panels is true or false, and has to be a list",
		`{"title":"T","templating":[{}]}`:        "d.json:1:27: templating is a list, and has to be an object",
		`{"title":"T","annotations":{"list":[null]}}`: "d.json:1:37: annotations.list[0] is null, and has to be an " +
			"object",
		`{"title":"T","time":"now-1h"}`: "d.json:1:21: time is a text, and has to be an object",
		`{"dashboard":{"title":[1]}}`:   "d.json:1:23: dashboard.title is a list, and has to be a text",
		"\xef\xbb\xbf{\"title\": {}}":   "d.json:1:11: title is an object, and has to be a text",
		`{"apiVersion":"dashboard.grafana.app/v1beta1","spec":{"title":1}}`: "d.json:1:63: spec.title is a number, " +
			"and has to be a text",
		`{"title":"T","panels":null,"time":null,"templating":{"list":null},"annotations":[]}`: "",
		`{"title":"T","panels":[{"title":7,"targets":[{"expr":5},{"hide":1}]}]}`:              "",
	} {
		said := ""
		if _, err := Parse("d.json", []byte(text)); err != nil {
			said = err.Error()
		}
		if said != want {
			t.Errorf("%s\ngives %q\n want %q", text, said, want)
		}
	}
}
