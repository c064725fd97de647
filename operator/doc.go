// Package operator does what an operator does to an installation from outside: it verifies tables while
// everything runs, and makes a table again while nothing does. It joins the packages below it and prints
// nothing: it returns typed reports, and calls back while it works.
//
//	[PlanVerification] ──▶ [Verification.Run] ──▶ [VerificationReport]
//	[NewReset] ──▶ [Reset.Plan] ──▶ [Reset.Run] ──▶ [ResetReport]
package operator
