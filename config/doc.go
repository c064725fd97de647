// Package config is the program's one configuration: a typed struct whose fields say all there is
// to say of an option once, in their tags. Flags, environment variables, the YAML file, the
// printed configuration and its reference are made from that. Section kafka is kafka.Settings itself,
// so that a program without a configuration has the same defaults.
//
// A value comes from, in rising precedence: the default, the YAML file, the environment
// (REFOLD_HTTP_ADDRESS), a flag (--http.address). Everything is checked at once, and all mistakes
// are reported together, each with its path, the value and what is allowed.
package config
