package frame

import (
	"net/http"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container has no time zones of its own
)

// The cookies with what a user likes.
const (
	cookieTheme = "refold-theme"
	cookieZone  = "refold-zone"
)

// themes are what a page may look like; the first is the usual one.
var themes = []string{"system", "light", "dark"}

// zones are offered for choice; any other of the IANA's is taken, too, such as the browser's own.
var zones = []string{
	"UTC", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin",
	"Europe/Athens", "Asia/Dubai", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney",
}

// page returns the page that answers a request.
func (s *Site) page(r *http.Request) *Page {
	session := s.options.Access.Of(r)
	p := &Page{
		User: session.User, Zone: time.UTC, Theme: themes[0], Now: s.options.Now(), Path: r.URL.RequestURI(),
		session: session, site: s,
	}
	if c, err := r.Cookie(cookieTheme); err == nil && slices.Contains(themes, c.Value) {
		p.Theme = c.Value
	}
	if c, err := r.Cookie(cookieZone); err == nil {
		if zone := zoneOf(c.Value); zone != nil {
			p.Zone = zone
		}
	}
	return p
}

// maxZoneBytes is longer than any name of the IANA's.
const maxZoneBytes = 64

// zoneOf returns the zone of a name, nil if there is none. "Local" would be the worker's own.
func zoneOf(name string) *time.Location {
	if name == "" || name == "Local" || len(name) > maxZoneBytes {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}

// prefer answers POST /console/preferences: what is in the form is kept in cookies.
func (s *Site) prefer(w http.ResponseWriter, r *http.Request, p *Page) error {
	if theme := r.PostFormValue("theme"); slices.Contains(themes, theme) {
		keep(w, cookieTheme, theme)
	}
	if zone := r.PostFormValue("zone"); zone != "" {
		if zoneOf(zone) == nil {
			return Invalid("The time zone is \"" + zone +
				"\"; it must be one of the IANA's, such as Europe/Berlin.")
		}
		keep(w, cookieZone, zone)
	}
	back := r.PostFormValue("back")
	if !strings.HasPrefix(back, Root+"/") {
		back = Root + "/"
	}
	return p.Back(w, r, back)
}

func keep(w http.ResponseWriter, name, value string) {
	const year = 365 * 24 * 60 * 60
	// Not Secure: workers serve plain HTTP behind a proxy. The values are no secrets.
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // see above
		Name: name, Value: value, Path: Root, MaxAge: year, SameSite: http.SameSiteLaxMode, HttpOnly: true,
	})
}
