// Package endpoint declares the endpoints of the HTTP API. An endpoint is declared once: its operation, and a
// struct of the [Parameter]s that it takes. From these come the route, how requests are read and checked, and
// the API's description in OpenAPI.
package endpoint
