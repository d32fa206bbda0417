package consumer

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"
)

// lookPause is how long the change of a file may wait to be seen. What is read
// is small, and mostly the same.
const lookPause = time.Second

// file is a file of keys that is taken again when it says something else. Its
// bytes tell, not its time: a link that is swapped, as Kubernetes does, and a
// change within a clock's tick are seen too. It is for one goroutine.
type file struct {
	what string
	path string
	made string                  // the command that writes it
	most int                     // bytes that are read
	take func(text []byte) error // all of it, or nothing
	text []byte                  // as it was taken last; nil before
	err  error                   // why what is there now is not taken
}

// look takes the file when it is another than the one that counts. With an error
// that one goes on to count.
func (f *file) look() (changed bool, err error) {
	changed, err = f.read()
	if err != nil {
		err = fmt.Errorf("%s in %s: %w; `%s` writes it", f.what, f.path, err, f.made)
	}
	f.err = err
	return changed, err
}

func (f *file) read() (changed bool, err error) {
	r, err := os.Open(f.path)
	if err != nil {
		return false, err
	}
	defer r.Close()
	text, err := readAtMost(r, f.most)
	if err != nil || f.text != nil && bytes.Equal(text, f.text) {
		return false, err
	}
	if err := f.take(text); err != nil {
		return false, err
	}
	f.text = text
	return true, nil
}

// readAtMost reads r to its end. Without an error the text is not nil.
func readAtMost(r io.Reader, most int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("over %d KiB", most>>10)
	}
	return text, err
}
