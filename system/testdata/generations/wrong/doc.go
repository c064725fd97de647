// Package wrong has changes of the second release that must not be deployed.
package wrong
