package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"refold/program/operate/catalogue"
)

// WriteJSON writes the catalogue as a document in JSON.
func WriteJSON(w io.Writer, c *catalogue.Catalogue) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(newDocument(c)); err != nil {
		return fmt.Errorf("write the catalogue as AsyncAPI: %w", err)
	}
	return nil
}

// WriteYAML writes the same document in YAML.
func WriteYAML(w io.Writer, c *catalogue.Catalogue) error {
	var b bytes.Buffer
	if err := WriteJSON(&b, c); err != nil {
		return err
	}
	// JSON is YAML in which everything is in one line, or quoted. The nodes keep the order.
	var document yaml.Node
	err := yaml.Unmarshal(b.Bytes(), &document)
	if err == nil {
		plainStyle(&document)
		encoder := yaml.NewEncoder(w)
		encoder.SetIndent(2)
		err = encoder.Encode(&document)
	}
	if err != nil {
		return fmt.Errorf("write the catalogue as AsyncAPI: %w", err)
	}
	return nil
}

// plainStyle lets the encoder choose the style: that of people. Empty ones stay as they are.
func plainStyle(n *yaml.Node) {
	if len(n.Content) > 0 || n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, within := range n.Content {
		plainStyle(within)
	}
}
