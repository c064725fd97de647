package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFileBytes limits the YAML file: a configuration is a page, and an alias bomb is not one.
const maxFileBytes = 1 << 20

// file takes the values of a YAML file.
func (l *loader) file(name string) error {
	text, err := readFile(name)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	var root yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(text))
	switch err := documents.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil // an empty file
	case err != nil:
		return fmt.Errorf("read the configuration %s: %w", name, err)
	}
	l.node(name, "", root.Content[0])
	var second yaml.Node
	switch err := documents.Decode(&second); {
	case err == nil:
		return fmt.Errorf("read the configuration %s: it has a second document (---) at line %d; "+
			"one is allowed", name, second.Line)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read the configuration %s: %w", name, err)
	}
	return nil
}

// readFile reads a file of limited size.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(text) > maxFileBytes {
		err = fmt.Errorf("%s is larger than %v", name, Bytes(maxFileBytes))
	}
	return text, err
}

// node takes what is below a path.
func (l *loader) node(file, path string, node *yaml.Node) {
	from := Source{FromFile, file + ":" + strconv.Itoa(node.Line)}
	if o, is := l.known[path]; is {
		value, err := scalar(node)
		if err != nil {
			l.mistakes = append(l.mistakes, Mistake{path, from, "", err.Error()})
			return
		}
		l.set(o, value, from)
		return
	}
	if path != "" && !l.section(path) {
		l.unknown(path, from, nearest(path, l.paths()))
		return
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return // a section with nothing in it
	}
	if node.Kind != yaml.MappingNode {
		what := path
		if what == "" {
			what = "the file"
		}
		l.mistakes = append(l.mistakes, Mistake{what, from, "", "must be a map of options"})
		return
	}
	lines := make(map[string]int, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		below := node.Content[i].Value
		if path != "" {
			below = path + "." + below
		}
		if first, twice := lines[below]; twice {
			l.mistakes = append(l.mistakes, Mistake{
				below,
				Source{FromFile, file + ":" + strconv.Itoa(node.Content[i].Line)},
				"",
				"given already in line " + strconv.Itoa(first) + "; once is allowed",
			})
			continue
		}
		lines[below] = node.Content[i].Line
		l.node(file, below, node.Content[i+1])
	}
}

// scalar returns a node as text: a scalar, or a list of them.
func scalar(node *yaml.Node) (string, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		if node.Tag == "!!null" {
			return "", nil
		}
		return node.Value, nil
	case yaml.SequenceNode:
		items := make([]string, len(node.Content))
		for i, item := range node.Content {
			if item.Kind != yaml.ScalarNode || strings.Contains(item.Value, ",") {
				return "", errors.New("must be a list of plain values without commas")
			}
			items[i] = item.Value
		}
		return strings.Join(items, ","), nil
	default:
		return "", errors.New("must be a plain value")
	}
}

func (l *loader) section(path string) bool {
	for known := range l.known {
		if strings.HasPrefix(known, path+".") {
			return true
		}
	}
	return false
}

// paths are the names of all options and sections.
func (l *loader) paths() []string {
	var all []string
	for _, o := range l.options.all {
		all = append(all, o.path)
		for i, r := range o.path {
			if r == '.' {
				all = append(all, o.path[:i])
			}
		}
	}
	return all
}
