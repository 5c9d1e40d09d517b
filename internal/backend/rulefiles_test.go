package backend

import "testing"

func TestParseRulesSaysWhere(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"good": {"groups: [{name: a, rules: [{record: 'x:y', expr: '1'}]}]\n", ""},
		"a name": {
			"groups:\n- {name: a, rules: []}\n- {name: a, rules: []}\n",
			`r.yaml: groupname: "a" is repeated in the same file`,
		},
		"two values": {
			"groups:\n- name: a\n  rules: [5]\n- name: b\n  rules: 7\n",
			"r.yaml:3: cannot unmarshal !!int `5` into rulefmt.Rule\nr.yaml:5: cannot unmarshal !!int `7` into []rulefmt.Rule",
		},
		"a tab": {"groups:\n\t- name: a\n", "r.yaml:2: found character that cannot start any token"},
		"PromQL": {
			"groups:\n- name: a\n  rules:\n  - {record: 'x:y', expr: 'sum('}\n",
			`r.yaml:4:27: group "a", rule 1, "x:y": could not parse expression: 1:5: parse error: unclosed left parenthesis`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := ParseRules("r.yaml", []byte(test.text)); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
