package logfile

import (
	"strings"
	"testing"
)

func TestLastError(t *testing.T) {
	const klog = "1128 19:45:10.123456   123 run.go:72] "
	for name, test := range map[string]struct{ log, want string }{
		"none": {"level=info msg=fine\n", ""},
		"slog": {
			`time=1 level=ERROR msg="no storage" err="open x: no space left on device"` + "\n",
			"no storage: open x: no space left on device",
		},
		"slog, two": {"level=ERROR msg=first\nlevel=ERROR msg=second\nlevel=INFO msg=bye\n", "second"},
		"etcd": {
			`{"level":"fatal","msg":"failed to read WAL","error":"EOF","stacktrace":"a\nb"}` + "\n",
			"failed to read WAL: EOF",
		},
		"a cut line": {
			`{"level":"error","msg":"writ{"level":"fatal","msg":"no WAL","error":"no space left"}` + "\n",
			"no WAL: no space left",
		},
		"klog": {
			"E" + klog + "\"command failed\" err=\"no port\"\nI" + klog + "bye\n", `"command failed" err="no port"`,
		},
		"the collector": {
			"2026-11-28T19:45:10Z\terror\tservice/x.go:12\tcannot start\t{\"kind\": \"x\"}\n", `cannot start {"kind": "x"}`,
		},
		"a verb's": {"error: listening on :1: address already in use\n", "listening on :1: address already in use"},
		"a panic": {
			"panic: runtime error: index\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: runtime error: index",
		},
		"what ended it":  {"error: no port\nE" + klog + "late\n", "no port"},
		"level, not end": {"E" + klog + "early\nI" + klog + "errors here\n", "early"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := LastError([]byte(test.log)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := LastError([]byte("error: " + strings.Repeat("é", 1000))); len([]rune(got)) != mostOfCause+1 {
		t.Errorf("a long error has %d runes", len([]rune(got)))
	}
}
