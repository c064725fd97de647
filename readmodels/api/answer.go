package api

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// Page is a page of a list.
type Page[R any] struct {
	Items []R    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"The path of the next page; none: this is the last one."`
}

// output is an answer.
type output struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Link         string `header:"Link"`
	Vary         string `header:"Vary"`
	Disposition  string `header:"Content-Disposition"`
	Policy       string `header:"Content-Security-Policy"`
	TypeOptions  string `header:"X-Content-Type-Options"`
	Applied      string `header:"Preference-Applied"`
	Body         []byte
}

// revalidate lets the client keep an answer, but not use it unasked; nobody else may keep it.
const revalidate = "private, no-cache"

// answer answers with a body, unless the client has it. next is the path of the next page, empty if there is
// none.
func answer(mediaType string, body []byte, has ifNoneMatch, next string) *output {
	digest := endpoint.Digest(body)
	out := &output{
		Status: http.StatusOK, ContentType: mediaType, ETag: `"` + digest + `"`, CacheControl: revalidate,
		TypeOptions: "nosniff", Body: body,
	}
	if next != "" {
		out.Link = "<" + next + `>; rel="next"`
	}
	if !endpoint.NoneMatch(string(has), digest) {
		out.Status, out.ContentType, out.Body = http.StatusNotModified, "", nil
	}
	return out
}

const mediaJSON = "application/json"

func answerJSON(body any, has ifNoneMatch, next string) *output {
	var b bytes.Buffer
	_ = problem.Encode(&b, body) // always nil
	return answer(mediaJSON, b.Bytes(), has, next)
}

// pageOf makes a page of the rows of a query with room for one more than the limit. The path has the
// parameters of the list; at names the last row.
func pageOf[R any](rows []R, limit int, path string, parameters url.Values, at func(last R) string) Page[R] {
	if len(rows) <= limit {
		return Page[R]{Items: append([]R{}, rows...)} // [] and not null
	}
	rows = rows[:limit]
	return Page[R]{Items: rows, Next: nextPath(path, parameters, limit, at(rows[limit-1]))}
}

// nextPath returns the path of a page that begins at a cursor.
func nextPath(path string, parameters url.Values, limit int, cursor string) string {
	query := url.Values{"cursor": {cursor}, "limit": {strconv.Itoa(limit)}}
	for name, values := range parameters {
		if values[0] != "" {
			query[name] = values
		}
	}
	return path + "?" + query.Encode()
}

// described describes an operation's answers: those of status 200, by media type, and problems.
func described(
	set *endpoint.Set, description string, content map[string]*huma.MediaType, problems map[int]string,
) map[string]*huma.Response {
	problems[http.StatusBadRequest] = "A parameter is wrong; errors says which."
	problems[http.StatusServiceUnavailable] = "The position is not shown yet (not-yet), or too many " +
		"requests wait for one (too-many-waits); no build of the read model is live yet (no-read-model), " +
		"or its store does not answer (read-model-away). Try again, after Retry-After."
	return set.Responses(map[string]*huma.Response{
		"200": {Description: description + " Its ETag is of its content.", Content: content},
		"304": {Description: "The client has it already (If-None-Match)."},
	}, problems)
}

func jsonOf(schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{mediaJSON: {Schema: schema}}
}
