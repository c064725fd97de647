// Package asyncapi writes a catalogue as a document of AsyncAPI 3.0, in YAML or in JSON.
package asyncapi
