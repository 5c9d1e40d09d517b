package cli

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
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

func openLog(path string) (*logReader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &logReader{path: path, file: file, reader: bufio.NewReader(file)}, nil
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
