package route

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// MaxOrder is the longest order key in bytes. It is kept in memory and on disk
// for every entry that waits.
const MaxOrder = 256

// shape is what an expression is for: the types it may have. What only the
// event can tell, as in event.data.urgent, is checked on each event.
type shape struct {
	types []*cel.Type
	words string
}

var (
	condition = shape{[]*cel.Type{cel.BoolType, cel.DynType}, "bool"}
	orderKey  = shape{[]*cel.Type{cel.StringType, cel.IntType, cel.DynType}, "string or int"}
)

// language is the standard CEL with one variable, event.
type language struct {
	env  *cel.Env
	cost uint64
}

func newLanguage(cost uint64) (*language, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("condition language: %w", err)
	}
	env, err := cel.NewEnv(
		cel.CustomTypeProvider(provider{registry}),
		cel.CustomTypeAdapter(adapter{registry}),
		cel.Variable(eventName, eventType),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()),
	)
	if err != nil {
		return nil, fmt.Errorf("condition language: %w", err)
	}
	return &language{env: env, cost: cost}, nil
}

// expression is one compiled CEL text. A nil expression was never written.
type expression struct {
	where   string // routes[3].when
	program cel.Program
}

// compile checks text as far as that goes without an event.
func (l *language) compile(where, text string, want shape) (*expression, []error) {
	ast, issues := l.env.Compile(text)
	if issues.Err() != nil {
		faults := make([]error, len(issues.Errors()))
		for i, issue := range issues.Errors() {
			faults[i] = locate(where, issue)
		}
		return nil, faults
	}
	fits := false
	for _, t := range want.types {
		fits = fits || ast.OutputType().IsExactType(t)
	}
	if !fits {
		return nil, []error{&CompileError{Key: where, Line: 1, Column: 1,
			Err: fmt.Errorf("expression gives %s: it must give %s", cel.FormatCELType(ast.OutputType()), want.words)}}
	}
	program, err := l.env.Program(ast, cel.CostLimit(l.cost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, []error{&CompileError{Key: where, Err: err}}
	}
	return &expression{where: where, program: program}, nil
}

// locate makes a CompileError of what CEL says. Its columns count from 0.
func locate(where string, issue *common.Error) *CompileError {
	err := errors.New(issue.Message)
	if name, ok := strings.CutPrefix(issue.Message, "undefined field '"); ok {
		name = strings.TrimSuffix(name, "'")
		err = fmt.Errorf("event has no attribute %q: it has %s; an extension is event.extensions.NAME", name, strings.Join(attributeNames(), ", "))
	}
	return &CompileError{Key: where, Line: issue.Location.Line(), Column: issue.Location.Column() + 1, Err: err}
}

// holds evaluates a condition. A nil expression holds.
func (x *expression) holds(v *view) (bool, error) {
	if x == nil {
		return true, nil
	}
	out, err := x.eval(v)
	if err != nil {
		return false, err
	}
	held, ok := out.(types.Bool)
	if !ok {
		return false, x.fault(fmt.Errorf("expression gave %s: it must give %s", out.Type().TypeName(), condition.words))
	}
	return bool(held), nil
}

// key evaluates an order key. A nil expression gives the empty key.
func (x *expression) key(v *view) (string, error) {
	if x == nil {
		return "", nil
	}
	out, err := x.eval(v)
	if err != nil {
		return "", err
	}
	switch key := out.(type) {
	case types.String:
		if len(key) > MaxOrder {
			return "", x.fault(fmt.Errorf("order key has %d bytes: at most %d", len(key), MaxOrder))
		}
		return string(key), nil
	case types.Int:
		return strconv.FormatInt(int64(key), 10), nil
	}
	return "", x.fault(fmt.Errorf("expression gave %s: it must give %s", out.Type().TypeName(), orderKey.words))
}

func (x *expression) eval(v *view) (ref.Val, error) {
	out, _, err := x.program.Eval(v)
	if err != nil {
		return nil, x.fault(err)
	}
	return out, nil
}

func (x *expression) fault(err error) error { return &ConditionError{Key: x.where, Err: err} }
