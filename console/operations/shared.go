package operations

import (
	"net/http"
	"strconv"
	"time"

	"refold/console/frame"
	"refold/console/words"
)

// confirming is a page that asks before something is done.
type confirming struct {
	title string
	text  []string // what it leads to, a paragraph each
	act   frame.Act
	back  string
}

// confirm answers with a page that asks.
func confirm(w http.ResponseWriter, r *http.Request, p *frame.Page, c confirming) error {
	c.act.Right = frame.Operate
	return p.Show(w, r, c.title, confirmation(p, c))
}

// percent is a share in whole percent, and less than 100 as long as something is missing.
func percent(done, of int64) string {
	if of <= 0 {
		return ""
	}
	return strconv.FormatInt(int64(100*float64(min(done, of))/float64(of)), 10) + "%"
}

// left estimates how long something takes that goes on as it went since it began; 0: nobody knows.
func left(done, of int64, began, now time.Time) time.Duration {
	took := now.Sub(began)
	if done <= 0 || of <= done || took < time.Second {
		return 0
	}
	return time.Duration(float64(took) * float64(of-done) / float64(done)).Round(time.Second)
}

// about is an estimated duration as people read it.
func about(d time.Duration) string {
	if d < time.Second {
		return "less than a second"
	}
	return "about " + words.Duration(d.Round(time.Second))
}

// lasting is a duration in which less than a second says nothing.
func lasting(d time.Duration) string {
	if d < time.Second {
		return "under 1 s"
	}
	return words.Duration(d.Round(time.Second))
}

// number reads a number of a path or a form.
func number(name, text string, least int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, frame.Invalid(name + " is " + strconv.Quote(text) + "; it must be a whole number from " +
			strconv.Itoa(least) + ".")
	}
	return n, nil
}

// formOf reads the form of a POST.
func formOf(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return frame.Invalid("The form can't be read: " + err.Error() + ".")
	}
	return nil
}

// refusal is a problem of an action that can't be done now: its cause is for the user.
func refusal(title string, err error) error {
	if err == nil {
		return nil
	}
	return &frame.Problem{
		Status: http.StatusConflict, Title: title, Detail: sentence(err.Error()),
		Do: "Go back, and look at what is there now.", Err: err,
	}
}

// away is a problem of something outside that does not answer: its cause is for the user.
func away(what string, err error) error {
	if err == nil {
		return nil
	}
	return &frame.Problem{
		Status: http.StatusServiceUnavailable, Title: what + " can't be read", Detail: sentence(err.Error()),
		Do: "Mend what the message names, then load this page again.", Err: err,
	}
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	if first := text[0]; first >= 'a' && first <= 'z' {
		text = string(first-'a'+'A') + text[1:]
	}
	if last := text[len(text)-1]; last != '.' {
		text += "."
	}
	return text
}
