// Package console is the only place that writes to the terminal: results to
// stdout, progress to stderr.
package console

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
)

// Console is where a command writes.
type Console struct {
	// Out takes data, Err progress and errors.
	Out, Err io.Writer
	// live tells that Err is a terminal that can rewrite its last line.
	live  bool
	color bool
}

// New returns a console for two streams. Colour and live lines need a
// terminal; NO_COLOR (no-color.org) and TERM=dumb turn colour off.
func New(out, err io.Writer) *Console {
	file, ok := err.(*os.File)
	live := ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
	return &Console{Out: out, Err: err, live: live, color: live && os.Getenv("NO_COLOR") == ""}
}

// Colours, as SGR parameters.
const (
	green  = "32"
	red    = "31"
	yellow = "33"
	faint  = "2"
	bold   = "1"
)

func (c *Console) paint(sgr, text string) string {
	if !c.color {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// Bold emphasises text meant for stderr.
func (c *Console) Bold(text string) string { return c.paint(bold, text) }

// Note writes one line of progress.
func (c *Console) Note(format string, args ...any) {
	fmt.Fprintf(c.Err, format+"\n", args...)
}

// Warn writes one line that deserves attention.
func (c *Console) Warn(format string, args ...any) {
	fmt.Fprintf(c.Err, "%s %s\n", c.paint(yellow, "warning:"), fmt.Sprintf(format, args...))
}

// Fail writes an error, its further lines indented.
func (c *Console) Fail(err error) {
	text := strings.ReplaceAll(err.Error(), "\n", "\n  ")
	fmt.Fprintf(c.Err, "%s %s\n", c.paint(red, "error:"), text)
}

// JSON writes a value to stdout, indented.
func (c *Console) JSON(v any) error {
	encoder := json.NewEncoder(c.Out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// Table writes rows to stdout, in columns.
func (c *Console) Table(rows [][]string) error {
	w := tabwriter.NewWriter(c.Out, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// Progress shows steps as they start and end: a line for each that ended
// and, on a terminal, a last line with those under way.
type Progress struct {
	console *Console
	began   time.Time

	mu      sync.Mutex
	running []string
	detail  map[string]string
	stop    chan struct{}
	done    chan struct{}
	drawn   bool
}

// Progress begins to show steps. Close ends it.
func (c *Console) Progress() *Progress {
	p := &Progress{
		console: c, began: time.Now(), detail: map[string]string{}, stop: make(chan struct{}), done: make(chan struct{}),
	}
	go p.animate()
	return p
}

func (p *Progress) animate() {
	defer close(p.done)
	if !p.console.live {
		<-p.stop
		return
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for frame := 0; ; frame++ {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw(frame)
			p.mu.Unlock()
		}
	}
}

// draw rewrites the last line. The caller holds the lock.
func (p *Progress) draw(frame int) {
	p.erase()
	if len(p.running) == 0 {
		return
	}
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	names := make([]string, 0, len(p.running))
	for _, name := range p.running {
		if d := p.detail[name]; d != "" {
			name += " (" + d + ")"
		}
		names = append(names, name)
	}
	spent := time.Since(p.began).Seconds()
	line := fmt.Sprintf("%c %5.1fs  %s", frames[frame%len(frames)], spent, strings.Join(names, ", "))
	if width := p.width(); len([]rune(line)) >= width {
		line = string([]rune(line)[:max(0, width-2)]) + "…"
	}
	fmt.Fprint(p.console.Err, p.console.paint(faint, line))
	p.drawn = true
}

func (p *Progress) width() int {
	if file, ok := p.console.Err.(*os.File); ok {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 10 {
			return width
		}
	}
	return 80
}

func (p *Progress) erase() {
	if p.drawn {
		fmt.Fprint(p.console.Err, "\r\x1b[2K")
		p.drawn = false
	}
}

// Started shows a step as under way.
func (p *Progress) Started(step string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = append(p.running, step)
}

// Detail says how far a step is. Without a terminal it is left out.
func (p *Progress) Detail(step, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.detail[step] = text
}

// Done writes the line of a step that ended, with the time it took.
func (p *Progress) Done(step string, took time.Duration) {
	p.line(step, p.console.paint(green, "✓"), fmt.Sprintf("%6.1fs", took.Seconds()))
}

// Failed writes the line of a step that failed.
func (p *Progress) Failed(step string) {
	p.line(step, p.console.paint(red, "✗"), " failed")
}

func (p *Progress) line(step, mark, right string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	for i, name := range p.running {
		if name == step {
			p.running = append(p.running[:i:i], p.running[i+1:]...)
			break
		}
	}
	fmt.Fprintf(p.console.Err, "%s %-26s %s\n", mark, step, right)
}

// Close ends the showing. It may be called more than once.
func (p *Progress) Close() {
	p.mu.Lock()
	select {
	case <-p.stop:
		p.mu.Unlock()
		return
	default:
		close(p.stop)
	}
	p.mu.Unlock()
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}
