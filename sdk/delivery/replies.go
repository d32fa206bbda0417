package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// ParseReplies reads one frame: a reply, or an array of them. Each reply of an
// array stands for itself: the good ones are returned, the error joins (as
// errors.Join does) what is wrong with each of the others. A frame that is not
// JSON, is nested deeper than 1000, or holds too many has no good ones.
//
// Names are exact. A reply that repeats one of them, or is not valid UTF-8, is
// refused. Null is as good as absent, but for a result, whose text is kept as it
// is; members of later versions are passed over. What is returned aliases
// nothing of the frame.
func ParseReplies(frame []byte) ([]Reply, error) {
	p := parser{scanner: scanner{text: frame}}
	if err := p.frame(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrReply, err))
	}
	return p.good, errors.Join(p.bad...)
}

// parser reads replies in one pass. Its methods err where nothing after can be
// read; what is wrong with one reply alone goes to bad.
type parser struct {
	scanner
	good []Reply
	bad  []error
}

// usualReply is about the bytes of a reply without a result. It gives an array
// its room at once.
const usualReply = 128

func (p *parser) frame() error {
	p.space()
	if p.peek() != '[' {
		p.good = make([]Reply, 0, 1)
		if err := p.reply(); err != nil {
			return err
		}
		return p.end()
	}
	p.good = make([]Reply, 0, min(len(p.text)/usualReply+1, MaxReplies))
	n := 0
	err := p.array(0, func() error {
		if n++; n > MaxReplies {
			return fmt.Errorf("more than %d in one frame", MaxReplies)
		}
		return p.reply()
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return errors.New("an empty array")
	}
	return p.end()
}

// memberNames are those of a Reply.
var memberNames = [...]string{"id", "source", "lease", "status", "retry_after", "reason", "result", "goodbye"}

func (p *parser) reply() error {
	if p.peek() != '{' {
		_, err := p.value(0)
		p.refuse(errors.New("a JSON object is needed"))
		return err
	}
	var r Reply
	var fault error // the first one
	var seen uint   // a bit for each of memberNames
	start := p.at
	err := p.object(1, func(name []byte) error {
		text, err := p.value(1)
		if err != nil || fault != nil {
			return err
		}
		i := slices.Index(memberNames[:], string(content(name)))
		switch {
		case i < 0:
		case seen&(1<<i) != 0:
			fault = fmt.Errorf("%s is repeated", memberNames[i])
		default:
			seen |= 1 << i
			fault = r.set(memberNames[i], text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if fault == nil && !utf8.Valid(p.text[start:p.at]) {
		fault = errors.New("invalid UTF-8")
	}
	if fault == nil {
		fault = r.check()
	}
	if fault != nil {
		p.refuse(fault)
		return nil
	}
	p.good = append(p.good, r)
	return nil
}

func (p *parser) refuse(fault error) {
	p.bad = append(p.bad, fmt.Errorf("%w: %w", ErrReply, fault))
}

// set reads the member of that name from its text.
func (r *Reply) set(name string, text []byte) (err error) {
	switch {
	case name == "result":
		r.Result = bytes.Clone(text) // a null too: it is shown as it is
		return nil
	case text[0] == 'n':
		return nil
	}
	switch name {
	case "id":
		r.ID, err = word(name, text, len(text))
	case "source":
		r.Source, err = word(name, text, len(text))
	case "lease":
		r.Lease, err = word(name, text, len(text))
	case "status":
		r.Status, err = word(name, text, len(text))
	case "reason":
		r.Reason, err = word(name, text, MaxReason)
	case "retry_after":
		if r.RetryAfter, err = strconv.ParseFloat(string(text), 64); err != nil {
			err = errors.New("retry_after is not a number of seconds")
		}
	case "goodbye":
		if r.Goodbye = text[0] == 't'; !r.Goodbye && text[0] != 'f' {
			err = errors.New("goodbye is neither true nor false")
		}
	}
	return err
}

// word is a string's content, of which it keeps the first bytes, at most that
// many, in whole characters.
func word(name string, text []byte, most int) (string, error) {
	if text[0] != '"' {
		return "", fmt.Errorf("%s is not a string", name)
	}
	said := content(text)
	if len(said) > most {
		for most > 0 && !utf8.RuneStart(said[most]) {
			most--
		}
		said = said[:most]
	}
	return string(said), nil
}
