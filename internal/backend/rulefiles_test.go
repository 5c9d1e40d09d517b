package backend

import "testing"

func TestParseRulesSaysWhere(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"good": {"groups: [{name: a, rules: [{record: 'x:y', expr: '1'}]}]\n", ""},
		"a name": {
			"groups:\n- {name: a, rules: []}\n- {name: a, rules: []}\n",
			`r.yaml:3:10: groupname: "a" is repeated in the same file`,
		},
		"no name":      {"groups:\n- rules: []\n", "r.yaml:2:3: Groupname must not be empty"},
		"no group":     {"groups:\n- x\n", "r.yaml:2: `x` is not a group"},
		"a field":      {"groups: []\nkind: x\n", `r.yaml:2: a rule file has no field "kind"`},
		"a mapping":    {"groups: {a: b}\n", "r.yaml:1: this is not a list of groups"},
		"a first tab":  {"\tgroups: x\n", "r.yaml:1: found character that cannot start any token"},
		"group labels": {"groups:\n- name: a\n  labels: {__name__: b}\n", "r.yaml:3:12: invalid label name: __name__"},
		"durations": {
			"groups:\n- name: a\n  interval: x\n  rules:\n  - {alert: A, expr: up, for: -5m}\n" +
				"  - {alert: B, expr: up, keep_firing_for: 5}\n",
			"r.yaml:3:13: interval: not a valid duration string: \"x\"; use one such as 5m\n" +
				"r.yaml:5:31: for: not a valid duration string: \"-5m\"; use one such as 5m\n" +
				"r.yaml:6:43: keep_firing_for: not a valid duration string: \"5\"; use one such as 5m",
		},
		"no expression": {
			"groups:\n- name: a\n  rules:\n  - alert: A\n",
			`r.yaml:4:5: group "a", rule 1, "A": field 'expr' must be set in rule`,
		},
		"neither": {
			"groups:\n- name: a\n  rules:\n  - expr: up\n",
			`r.yaml:4:5: group "a", rule 1, "": one of 'record' or 'alert' must be set`,
		},
		"both": {
			"groups:\n- name: a\n  rules:\n  - {alert: A, record: b, expr: up}\n",
			`r.yaml:4:24: group "a", rule 1, "A": only one of 'record' and 'alert' must be set`,
		},
		"a template": {
			"groups:\n- name: a\n  rules:\n  - {alert: A, expr: up, labels: {a: '{{ .X'}}\n",
			`r.yaml:4:5: group "a", rule 1, "A": label "a": template: __alert_A:1: unclosed action`,
		},
		"two values": {
			"groups:\n- name: a\n  rules: [5]\n- name: b\n  rules: 7\n",
			"r.yaml:3: `5` is not a rule\nr.yaml:5: `7` is not a list of rules",
		},
		"a tab": {"groups:\n\t- name: a\n", "r.yaml:2: found character that cannot start any token"},
		"PromQL": {
			"groups:\n- name: a\n  rules:\n  - {record: 'x:y', expr: 'sum('}\n",
			`r.yaml:4:27: group "a", rule 1, "x:y": could not parse expression: 1:5: parse error: unclosed left parenthesis`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if _, err := ParseRules("r.yaml", []byte(test.text)); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
