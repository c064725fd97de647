// Package excerpt shortens foreign text for messages and logs.
package excerpt
