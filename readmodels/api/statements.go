package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/negotiation"

	"refold/readmodels"
	"refold/views/httpapi/endpoint"
)

// The formats of statements.
const (
	mediaCSV  = "text/csv; charset=utf-8; header=present"
	mediaHTML = "text/html; charset=utf-8"
)

// formats are the media types by which a client asks for a format.
var formats = []string{mediaJSON, "text/csv", "text/html"}

type statementInput struct {
	Account     accountID   `path:"id"`
	Month       month       `query:"month"`
	Cursor      cursor      `query:"cursor"`
	Limit       limit       `query:"limit"`
	Accept      accept      `header:"Accept"`
	IfNoneMatch ifNoneMatch `header:"If-None-Match"`

	Fresh
}

// fileInput is that of a statement whose path names the format.
type fileInput struct {
	Account     accountID   `path:"id"`
	Month       month       `query:"month"`
	Cursor      cursor      `query:"cursor"`
	Limit       limit       `query:"limit"`
	IfNoneMatch ifNoneMatch `header:"If-None-Match"`

	Fresh
}

func (e *endpoints) registerStatements(set *endpoint.Set) {
	text := &huma.Schema{Type: huma.TypeString}
	content := jsonOf(endpoint.SchemaOf[Statement](set))
	content["text/csv"], content["text/html"] = &huma.MediaType{Schema: text}, &huma.MediaType{Schema: text}
	pages := set.Of()
	operation := func(id, suffix, summary string, content map[string]*huma.MediaType) huma.Operation {
		return huma.Operation{
			OperationID: id, Path: accountsPath + "/{id}/statement" + suffix, Summary: summary,
			Responses: described(set, "A page of the statement.", content, map[int]string{
				http.StatusNotFound: "There is no such account, or it is not here yet.",
			}),
		}
	}
	register(e, set, &readmodels.AccountStatement,
		operation("read-statement", "", "An account's statement of a month, as Accept says", content),
		func(ctx context.Context, in *statementInput) (*output, error) {
			format := negotiation.SelectQValueFast(string(in.Accept), formats)
			out, err := e.statement(ctx, pages, in, "", format)
			if err == nil {
				out.Vary = "Accept"
			}
			return out, err
		})
	for suffix, format := range map[string]string{".csv": formats[1], ".html": formats[2]} {
		register(e, set, &readmodels.AccountStatement,
			operation("read-statement-"+suffix[1:], suffix,
				"An account's statement of a month, as "+suffix[1:],
				map[string]*huma.MediaType{format: {Schema: text}}),
			func(ctx context.Context, in *fileInput) (*output, error) {
				return e.statement(ctx, pages, &statementInput{
					Account: in.Account, Month: in.Month, Cursor: in.Cursor, Limit: in.Limit,
					IfNoneMatch: in.IfNoneMatch,
				}, suffix, format)
			})
	}
}

// statement answers GET /read-models/accounts/{id}/statement, in any of the formats.
func (e *endpoints) statement(
	ctx context.Context, pages endpoint.Context, in *statementInput, suffix, format string,
) (*output, error) {
	after, err := in.Cursor.of("statement", 1)
	if err != nil {
		return nil, err
	}
	q := statementQuery{account: string(in.Account), month: in.Month.Sent, limit: int(in.Limit.N)}
	if in.Limit.Sent == "" && format != mediaJSON && format != "" {
		q.limit = pages.PageRows // a sheet of paper or of a spreadsheet is whole, if it can be
	}
	if after != nil {
		if q.after, err = strconv.ParseInt(after[0], 10, 64); err != nil {
			return nil, in.Cursor.wrong()
		}
	}
	s, more, err := e.readStatement(ctx, q)
	if err != nil {
		return nil, err
	}
	if more {
		last := s.Items[len(s.Items)-1].Sequence
		s.Next = nextPath(accountPath(s.AccountID, "/statement"+suffix), url.Values{"month": {s.Month}},
			q.limit, cursorOf("statement", strconv.FormatInt(last, 10)))
	}
	switch format {
	case formats[1]:
		return answerCSV(s, in.IfNoneMatch), nil
	case formats[2]:
		return answerHTML(s, in.IfNoneMatch), nil
	default:
		return answerJSON(s, in.IfNoneMatch, s.Next), nil
	}
}
