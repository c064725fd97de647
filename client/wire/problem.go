package wire

// Problem is the body of every error (RFC 9457). Its type is about:blank, hence left out; Code tells the
// kinds of problems apart.
type Problem struct {
	Title  string    `json:"title" doc:"The status in words." example:"Bad Request"`
	Status int       `json:"status" doc:"The HTTP status." example:"400"`
	Code   string    `json:"code" doc:"What is wrong, for programs: stable." example:"invalid-request"`
	Detail string    `json:"detail" doc:"What is wrong, for people." example:"it is not valid"`
	Errors []Mistake `json:"errors,omitempty" nullable:"false" doc:"Every mistake."`
	// Command is set on rejections, Checks where the server is not ready.
	Command *Command `json:"command,omitempty" doc:"The rejected command."`
	Checks  []Check  `json:"checks,omitempty" nullable:"false" doc:"What is ready or not."`
}

// Mistake is one wrong thing in a request.
type Mistake struct {
	Path    string `json:"path" doc:"Where it is." example:"body.data.amount"`
	Allowed string `json:"allowed" doc:"What would be right." example:"a whole number"`
	Found   string `json:"found" doc:"What was there, cut short if long." example:"\"ten\""`
	Rule    string `json:"rule,omitempty" doc:"The schema's rule that is broken." example:"amount-positive"`
}

// The codes of problems that are no rejections by an aggregate.
const (
	CodeInvalid          = "invalid-request"
	CodeMalformedJSON    = "malformed-json"
	CodeUnknownType      = "unknown-command-type"
	CodeInvalidCommand   = "invalid-command"
	CodeRuleViolated     = "rule-violated" // of a command that was not sent, or that the aggregate rejected
	CodeKeyReused        = "idempotency-key-reused"
	CodeUnmet            = "precondition-failed"
	CodeNotFound         = "not-found"
	CodeNoRoute          = "no-such-route"
	CodeMethod           = "method-not-allowed"
	CodeMediaType        = "unsupported-media-type"
	CodeTooLarge         = "body-too-large"
	CodeHeaderTooLarge   = "header-too-large"
	CodeBodyTimeout      = "body-timeout"
	CodeNotReady         = "not-ready"
	CodeNotYet           = "not-yet"
	CodeNotHere          = "not-here"
	CodeNoOwner          = "no-owner"
	CodeNoViews          = "no-views"
	CodeNoHistory        = "no-history"
	CodeUnfoldable       = "history-unfoldable"
	CodeUnreadable       = "row-unreadable"
	CodeNoField          = "no-such-field"
	CodeNoTraces         = "no-traces"
	CodeTooManyWaits     = "too-many-waits"
	CodeTooManyListeners = "too-many-listeners"
	CodeStopping         = "stopping"
	CodeTimeout          = "timeout"
	CodeOutcomeUnknown   = "outcome-unknown"
	CodeBusy             = "busy"
	CodeRebuildOpen      = "rebuild-open"
	CodeRebuildEnded     = "rebuild-ended"
	CodeRebuildRunning   = "rebuild-running"
	CodeNoRebuild        = "no-rebuild"
	CodeNoReadModel      = "no-read-model"   // none of its builds is live yet
	CodeReadModelAway    = "read-model-away" // its store does not answer
	CodeInternal         = "internal"
)

// Health says that the process answers, and nothing more.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

// Ready reports whether requests should come here.
type Ready struct {
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks" nullable:"false"`
}

// Check is one of the things that must be well before a server is ready.
type Check struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Detail string `json:"detail,omitempty" doc:"What is missing."`
}

// Index lists the endpoints of a server.
type Index struct {
	Name      string      `json:"name"`
	Version   string      `json:"version"`
	Endpoints []Endpoints `json:"endpoints" nullable:"false"`
}

// Endpoints is one of them.
type Endpoints struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Summary string `json:"summary"`
}
