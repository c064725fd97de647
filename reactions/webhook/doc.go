// Package webhook sends the events of a reaction to a URL, one POST for each.
//
//	hook, err := webhook.New(webhook.Options{
//		URL: "https://example.com/hook", SecretFile: "/run/secrets/hook",
//	})
//	…
//	reactions.Reaction{
//		Name: "hook", From: reactions.To(accounts.Definition, webhook.Post[accounts.Event](hook)),
//	}
//
// A request is a CloudEvent in binary mode: the body is the event as JSON, and its metadata are in headers
// that begin with ce-. Idempotency-Key has reactions.Event.Key, the same for each try. traceparent has the
// trace of the command.
//
// With a secret, requests are signed as Standard Webhooks are (standardwebhooks.com), for which there are
// libraries in many languages: Webhook-Signature has the HMAC-SHA-256 of Webhook-Id, Webhook-Timestamp and
// the body, joined by dots.
//
// # Answers
//
// 2xx: the event is sent. 408, 425, 429 and 5xx, no answer at all, and a redirect, which is not followed, are
// faults: the event is tried again, not before the time that Retry-After names. Any other answer refuses the
// event.
//
// After some faults in a row, the circuit opens: for a while, no request is made at all, and then one, until
// one goes well. So a receiver that is down is not asked by all partitions at once.
package webhook
