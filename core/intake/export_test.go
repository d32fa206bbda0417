package intake

// ProblemOf gives the answer to an error.
func ProblemOf(err error) *Problem { return problemOf(err) }
