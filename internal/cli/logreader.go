package cli

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/diorama-lab/diorama/internal/logfile"
)

// logReader reads the lines of a log as they are written: a line when it is whole,
// and on in the next file when the log is set aside for it.
type logReader struct {
	path   string
	file   *os.File
	reader *bufio.Reader
	// begun is a line that is not whole yet.
	begun string
}

// openLog begins where the last lines do, at least as many as are wanted; with less
// than none, at the beginning.
func openLog(path string, wanted int) (*logReader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if wanted >= 0 {
		begin, err := beginOfLast(file, wanted)
		if err == nil {
			_, err = file.Seek(begin, io.SeekStart)
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return &logReader{path: path, file: file, reader: bufio.NewReader(file)}, nil
}

// beginOfLast is where the last lines of a file begin, whether or not its last one is
// whole: it is read from its end.
func beginOfLast(file *os.File, wanted int) (int64, error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	block := make([]byte, 64<<10)
	ends := 0
	for end := info.Size(); end > 0; {
		begin := max(0, end-int64(len(block)))
		part := block[:end-begin]
		if _, err := file.ReadAt(part, begin); err != nil {
			return 0, err
		}
		for i := len(part) - 1; i >= 0; i-- {
			if part[i] != '\n' {
				continue
			}
			if ends++; ends > wanted+1 {
				return begin + int64(i) + 1, nil
			}
		}
		end = begin
	}
	return 0, nil
}

// latest are the last lines that are there, as many as are wanted; with less than
// none, all of them. One that is not whole is left to who follows.
func (l *logReader) latest(wanted int, follow bool) ([]string, error) {
	lines, err := l.lines()
	if err != nil {
		return nil, err
	}
	if !follow {
		lines = append(lines, l.rest()...)
	}
	if wanted < 0 || len(lines) < wanted {
		before, err := l.before(wanted)
		if err != nil {
			return nil, err
		}
		lines = append(before, lines...)
	}
	if wanted < 0 || wanted >= len(lines) {
		return lines, nil
	}
	return lines[len(lines)-wanted:], nil
}

// before are the last lines of what was set aside for the log, if there is any.
func (l *logReader) before(wanted int) ([]string, error) {
	old, err := openLog(logfile.SetAside(l.path), wanted)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer old.close()
	oldInfo, oldErr := old.file.Stat()
	info, err := l.file.Stat()
	if err := errors.Join(oldErr, err); err != nil || os.SameFile(oldInfo, info) {
		return nil, err // the log itself was set aside meanwhile
	}
	lines, err := old.read()
	return append(lines, old.rest()...), err
}

// close has nothing to lose: the file was read.
func (l *logReader) close() { _ = l.file.Close() }

// lines returns the whole lines that have come since the last time.
func (l *logReader) lines() ([]string, error) {
	lines, err := l.read()
	if err != nil {
		return lines, err
	}
	next, err := l.next()
	if next == nil || err != nil {
		return lines, err
	}
	// What came before it was set aside is read, and no more will come.
	more, err := l.read()
	lines = append(append(lines, more...), l.rest()...)
	l.close()
	l.file, l.reader = next, bufio.NewReader(next)
	if err != nil {
		return lines, err
	}
	more, err = l.read()
	return append(lines, more...), err
}

// rest is the line that is not whole, if there is one: nothing more comes of it.
func (l *logReader) rest() []string {
	if l.begun == "" {
		return nil
	}
	line := l.begun
	l.begun = ""
	return []string{line}
}

func (l *logReader) read() ([]string, error) {
	var lines []string
	for {
		text, err := l.reader.ReadString('\n')
		l.begun += text
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, strings.TrimSuffix(l.begun, "\n"))
		l.begun = ""
	}
}

// next is the file that has taken the place of the one that is read, nil if none
// has.
func (l *logReader) next() (*os.File, error) {
	there, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it is set aside, and the next one is not there yet
	}
	read, readErr := l.file.Stat()
	if err := errors.Join(err, readErr); err != nil || os.SameFile(there, read) {
		return nil, err
	}
	return os.Open(l.path)
}
