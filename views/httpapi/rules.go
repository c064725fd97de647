package httpapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs/rules"
	"refold/eventsourcing"
	"refold/views/httpapi/problem"
)

// checkRules returns the problem of a command that breaks rules of its schema; nil if it breaks none. It is
// asked for commands that are new: one that was accepted before a rule was tightened has its first outcome.
func checkRules(r *Resource, command eventsourcing.Envelope[any]) error {
	if r.RulesBroken == nil {
		return nil
	}
	broken := r.RulesBroken(command.Data)
	if len(broken) == 0 {
		return nil
	}
	p := problem.New(http.StatusUnprocessableEntity, wire.CodeRuleViolated, "%s; nothing was sent",
		rules.Text(command.Type, broken))
	for _, v := range broken {
		allowed := v.Message
		if v.Err != nil {
			allowed = v.String()
		}
		if len(v.Fields) == 0 {
			p.Errors = append(p.Errors, wire.Mistake{Path: "body.data", Allowed: allowed, Rule: v.Name})
		}
		for _, field := range v.Fields {
			p.Errors = append(p.Errors, wire.Mistake{
				Path: problem.Cut("body.data." + field.Path), Allowed: allowed, Found: field.Value,
				Rule: v.Name,
			})
		}
	}
	return p
}

// describeRules adds the rules of a command to its schema: as texts, and as x-rules for programs.
func describeRules(schema *huma.Schema, all []rules.Rule) {
	if len(all) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString("It must keep these rules, which are CEL over the variable message, its data; otherwise " +
		"it is refused (rule-violated):\n\n| rule | must be true | meaning |\n|---|---|---|\n")
	for _, rule := range all {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", rule.Name, cell.Replace(rule.Expr),
			cell.Replace(rule.Message))
	}
	schema.Description = b.String()
	schema.Extensions = map[string]any{"x-rules": all}
}
