// Package problem makes of errors what clients get: problems, as application/problem+json (RFC 9457).
package problem
