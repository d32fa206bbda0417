package sdk

import (
	"fmt"
	"runtime/debug"
)

// maxStack is how much of a stack is told, in bytes: its top says most.
const maxStack = 8 << 10

// Panicked is the outcome of an event that made a transform panic with p. It is
// called by the deferred function that recovered.
func Panicked(p any) Outcome {
	stack := debug.Stack()
	return Outcome{Verdict: Fail, Reason: fmt.Sprintf("panic: %v", p), Stack: string(stack[:min(len(stack), maxStack)])}
}
