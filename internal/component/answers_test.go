package component

import (
	"errors"
	"testing"
	"time"
)

func TestAnswers(t *testing.T) {
	patience, no := usual(), errors.New("no")
	for name, test := range map[string]struct {
		said []error
		age  time.Duration
		want verdict
	}{
		"not asked yet":                {nil, 0, answering},
		"starting":                     {[]error{no, no, no, no, no, no, no, no, no, no, no, no, no}, time.Minute, waiting},
		"starting, for too long":       {[]error{no}, 6 * time.Minute, hopeless},
		"answers":                      {[]error{no, nil}, time.Minute, answering},
		"has missed one":               {[]error{nil, no}, time.Hour, waiting},
		"has missed two":               {[]error{nil, no, no}, time.Hour, silent},
		"has missed twelve":            {[]error{nil, no, no, no, no, no, no, no, no, no, no, no, no}, time.Hour, hopeless},
		"has missed two, and answered": {[]error{nil, no, no, nil}, time.Hour, answering},
	} {
		t.Run(name, func(t *testing.T) {
			var a answers
			for _, err := range test.said {
				a.note(err, time.Now())
			}
			if got := a.verdict(patience, test.age); got != test.want {
				t.Errorf("the verdict is %d, want %d", got, test.want)
			}
		})
	}
}
