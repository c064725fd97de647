package expr

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
)

const (
	// MaxBytes limits the text of an expression.
	MaxBytes = 16 << 10
	// checkEvery is after how many steps of a loop an evaluation looks whether its context has ended.
	checkEvery = 1000
)

// NewEnv returns an environment of CEL. Numbers of all kinds compare with each other: 3 with 2.5.
func NewEnv(options ...cel.EnvOption) (*cel.Env, error) {
	env, err := cel.NewEnv(append(options, cel.CrossTypeNumericComparisons(true))...)
	if err != nil {
		return nil, fmt.Errorf("prepare CEL: %w", err)
	}
	return env, nil
}

// Condition compiles an expression that must be true or false. Its variables and types are those of env. An
// evaluation costs at most maxCost of CEL's units: a step is one unit, and a comparison of texts about one
// more for every ten characters; a million units are about 0.1 s. The error lists all mistakes with their
// places.
func Condition(env *cel.Env, text string, maxCost uint64) (cel.Program, *cel.Ast, error) {
	ast, err := Parse(env, text)
	if err != nil {
		return nil, nil, err
	}
	if ast, err = Check(env, ast); err != nil {
		return nil, nil, err
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, nil, fmt.Errorf("the expression is a %v; it must be true or false, as a comparison is", t)
	}
	program, err := Program(env, ast, maxCost)
	return program, ast, err
}

// Parse parses an expression. The error lists all mistakes with their places.
func Parse(env *cel.Env, text string) (*cel.Ast, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("the expression has %d bytes; at most %d are allowed", len(text), MaxBytes)
	}
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("the expression is empty")
	}
	ast, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, mistakes(issues)
	}
	return ast, nil
}

// Check finds the types of all parts of a parsed expression. The error lists all mistakes with their places.
func Check(env *cel.Env, ast *cel.Ast) (*cel.Ast, error) {
	checked, issues := env.Check(ast)
	if issues.Err() != nil {
		return nil, mistakes(issues)
	}
	return checked, nil
}

// Program makes a checked expression ready for evaluations that cost at most maxCost.
func Program(env *cel.Env, ast *cel.Ast, maxCost uint64) (cel.Program, error) {
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(checkEvery),
		cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("the expression: %w", err)
	}
	return program, nil
}

// mistakes lists what is wrong with an expression, one mistake a line.
func mistakes(issues *cel.Issues) error {
	var errs []error
	for _, e := range issues.Errors() {
		message := strings.TrimSuffix(e.Message, " (in container '')")
		errs = append(errs,
			fmt.Errorf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, message))
	}
	return errors.Join(errs...)
}
