// Package installation joins the definitions of a program and its configuration: what topics there are,
// and with which settings the packages below work. An installation is one set of topics and schemas, which
// many workers share; commands about it (package operate) and workers (package worker) both begin here.
package installation
