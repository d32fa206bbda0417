package trust

import (
	"encoding/json"
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// DefaultConditionCost lets a condition walk a list of a thousand elements and
// stops it within milliseconds.
const DefaultConditionCost = 10_000

// CompileError is one fault of a grant or an event key, found by [New].
type CompileError struct {
	Key    string // where it stands: grants[3].match.when
	Line   int    // inside the expression, from 1; 0 where there is none
	Column int    // in characters, from 1; 0 where there is none
	Err    error
}

// Error gives key, place and fault.
func (e *CompileError) Error() string {
	if e.Line == 0 {
		return e.Key + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s: line %d, column %d: %v", e.Key, e.Line, e.Column, e.Err)
}

// Unwrap gives Err.
func (e *CompileError) Unwrap() error { return e.Err }

// condition is a compiled CEL text over one variable, token: the claims that
// verified.
type condition struct{ program cel.Program }

const tokenName = "token"

func newConditionLanguage() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable(tokenName, cel.MapType(cel.StringType, cel.DynType)),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()),
	)
}

// compileCondition gives every fault as a [*CompileError].
func compileCondition(env *cel.Env, cost uint64, key, text string) (*condition, error) {
	ast, issues := env.Compile(text)
	if issues.Err() != nil {
		var faults []error
		for _, i := range issues.Errors() { // whose columns count from 0
			faults = append(faults, &CompileError{Key: key, Line: i.Location.Line(), Column: i.Location.Column() + 1, Err: errors.New(i.Message)})
		}
		return nil, errors.Join(faults...)
	}
	if out := ast.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		return nil, &CompileError{Key: key, Line: 1, Column: 1, Err: fmt.Errorf("expression gives %s: it must give bool", cel.FormatCELType(out))}
	}
	program, err := env.Program(ast, cel.CostLimit(cost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, &CompileError{Key: key, Err: err}
	}
	return &condition{program}, nil
}

// holds errs where the claims give no answer: one that is absent, of another
// type, or too much to look at.
func (c *condition) holds(claims map[string]any) (bool, error) {
	out, _, err := c.program.Eval(map[string]any{tokenName: claims})
	if err != nil {
		return false, err
	}
	held, ok := out.(types.Bool)
	if !ok {
		return false, errors.New("expression does not give bool")
	}
	return bool(held), nil
}

// plain gives JSON's numbers as CEL has them: int where they are whole and fit,
// else double.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, x := range v {
			out[name] = plain(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	}
	return v
}
