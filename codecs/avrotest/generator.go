package avrotest

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/twmb/avro"
)

// generator makes values in goavro's form of schemas in canonical form.
type generator struct {
	random *rand.Rand
	names  map[string]*avro.SchemaNode
}

// learn collects the named types: in canonical form a name is a full name wherever it stands.
func (g *generator) learn(node *avro.SchemaNode) {
	if node == nil {
		return
	}
	if node.Name != "" {
		g.names[name(node)] = node
	}
	for i := range node.Fields {
		g.learn(&node.Fields[i].Type)
	}
	for i := range node.Branches {
		g.learn(&node.Branches[i])
	}
	g.learn(node.Items)
	g.learn(node.Values)
}

func name(node *avro.SchemaNode) string {
	switch {
	case node.Name == "":
		return node.Type
	case node.Namespace == "" || strings.Contains(node.Name, "."):
		return node.Name
	}
	return node.Namespace + "." + node.Name
}

// maxDepth ends the values of recursive types.
const maxDepth = 8

func (g *generator) value(node *avro.SchemaNode, depth int) any {
	if named := g.names[node.Type]; named != nil {
		node = named
	}
	switch node.Type {
	case "boolean":
		return g.random.IntN(2) == 1
	case "int":
		return pick(g, 0, 1, -1, math.MaxInt32, math.MinInt32, int32(g.random.Uint32()))
	case "long":
		return pick(g, 0, 1, -1, math.MaxInt64, math.MinInt64, int64(g.random.Uint64()))
	case "float":
		return pick(g, 0, 1.5, -math.MaxFloat32, float32(math.Inf(1)), g.random.Float32())
	case "double":
		return pick(g, 0, 1.5, -math.MaxFloat64, math.Inf(-1), g.random.NormFloat64())
	case "bytes":
		return g.bytes(g.random.IntN(300))
	case "fixed":
		return g.bytes(node.Size)
	case "string":
		return pick(g, "", "a", "ä€😀\x00\"", strings.Repeat("long ", g.random.IntN(100)))
	case "enum":
		return node.Symbols[g.random.IntN(len(node.Symbols))]
	case "array":
		items := []any{}
		for range g.length(depth) {
			items = append(items, g.value(node.Items, depth+1))
		}
		return items
	case "map":
		values := map[string]any{}
		for i := range g.length(depth) {
			values[strings.Repeat("key", i)] = g.value(node.Values, depth+1)
		}
		return values
	case "record", "error":
		fields := map[string]any{}
		for i := range node.Fields {
			fields[node.Fields[i].Name] = g.value(&node.Fields[i].Type, depth+1)
		}
		return fields
	case "union":
		return g.union(node, depth)
	}
	return nil
}

func (g *generator) union(node *avro.SchemaNode, depth int) any {
	at := g.random.IntN(len(node.Branches))
	for i := range node.Branches {
		if depth > maxDepth && node.Branches[i].Type == "null" {
			at = i
		}
	}
	branch := &node.Branches[at]
	if branch.Type == "null" {
		return nil
	}
	if named := g.names[branch.Type]; named != nil {
		branch = named
	}
	return map[string]any{name(branch): g.value(branch, depth+1)}
}

func (g *generator) length(depth int) int {
	if depth > maxDepth {
		return 0
	}
	return g.random.IntN(4)
}

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.random.Uint32())
	}
	return b
}

func pick[T any](g *generator, values ...T) T { return values[g.random.IntN(len(values))] }
