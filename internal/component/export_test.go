package component

// What tests outside the package use too.
var (
	Hurried     = hurried
	Ask         = ask
	FreeAddress = freeAddress
	Gone        = gone
)

// ChildEnv names the role that this test binary plays as a child.
const ChildEnv = childEnv
