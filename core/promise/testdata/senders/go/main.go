// Go is a sender of events that nobody here wrote: github.com/cloudevents/sdk-go,
// which makes and posts them, and github.com/standard-webhooks, which signs.
//
//	go '{"url":"http://127.0.0.1:8080/v1/events","secret":"whsec_.."}'
//
// Each line on stdin is a request, and is answered with a line; it ends with stdin:
//
//	{"way":"structured","events":[SHAPE]}
//	{"way":"binary","token":T,"events":[SHAPE]}
//	{"way":"batch","events":[SHAPE,..]}
//
// Shapes and answers are those of sender.mjs; "ok" is whether the library takes
// the answer for an acknowledgement.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

type settings struct {
	URL    string `json:"url"`
	Secret string `json:"secret"`
}

type request struct {
	Way    string  `json:"way"`
	Token  string  `json:"token"`
	Events []shape `json:"events"`
}

type answer struct {
	OK     bool            `json:"ok"`
	Answer json.RawMessage `json:"answer,omitempty"`
	Threw  string          `json:"threw,omitempty"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: go SETTINGS")
	}
	var s settings
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	to, err := newSender(s)
	if err != nil {
		return err
	}
	answers := json.NewEncoder(out)
	for requests := json.NewDecoder(in); ; {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("request: %w", err)
		}
		a, err := to.send(r)
		if err != nil {
			a = answer{Threw: err.Error()}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}
